// What all kernels share. Compiled once for each dtype, with -DFLOAT32, -DFLOAT64, -DFLOAT16 or -DBFLOAT16. Arrays hold Stored; sums are
// done in Real, so 16 bits are what is read and written, never what is computed with.

typedef long long Index;
typedef unsigned int Word;

#define INFINITE __uint_as_float(0x7f800000u)

#if defined(FLOAT64)
typedef double Stored;
typedef double Real;
#define LARGEST 708.0  // exp of this is finite
#else
typedef float Real;
#define LARGEST 87.0f
#if defined(FLOAT32)
typedef float Stored;
#else
typedef unsigned short Stored;
#endif
#endif

#if defined(FLOAT16)
__device__ inline Real to_real(Stored x)
{
#if defined(__CUDA_ARCH__)
    float z;
    asm("cvt.f32.f16 %0, %1;" : "=f"(z) : "h"(x));
    return z;
#else
    return (Real)__builtin_bit_cast(_Float16, x);
#endif
}

__device__ inline Stored to_stored(Real x)
{
#if defined(__CUDA_ARCH__)
    unsigned short z;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(z) : "f"(x));
    return z;
#else
    return __builtin_bit_cast(unsigned short, (_Float16)x);
#endif
}
#elif defined(BFLOAT16)
__device__ inline Real to_real(Stored x) { return __uint_as_float((Word)x << 16); }

// To the nearest, to even where two are as near; a nan stays one.
__device__ inline Stored to_stored(Real x)
{
    const Word bits = __float_as_uint(x);
    if (x != x) return (Stored)((bits >> 16) | 0x40u);
    return (Stored)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#else
__device__ inline Real to_real(Stored x) { return x; }
__device__ inline Stored to_stored(Real x) { return x; }
#endif

// The elements of a grid of one dimension: for (Index i = first_element(); i < n; i += all_threads())
__device__ inline Index first_element() { return blockIdx.x * (Index)blockDim.x + threadIdx.x; }
__device__ inline Index all_threads() { return gridDim.x * (Index)blockDim.x; }

// Four numbers that lie side by side, read and written at once where their address allows.
struct alignas(4 * sizeof(Stored)) Four { Stored at[4]; };

__device__ inline bool takes_fours(const void *at) { return (size_t)at % sizeof(Four) == 0; }
