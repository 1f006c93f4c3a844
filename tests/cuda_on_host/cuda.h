// What CuPy's kernels use of CUDA C++ besides: CUDA's types, and functions of the device.

#pragma once
#define __CUDACC_VER_MAJOR__ 13  // CuPy asks, to know of __half
#define __CUDACC_VER_MINOR__ 0
#include <algorithm>
#include <cassert>
#include <cfloat>
#include <climits>
#include <initializer_list>
#include <limits>
#include <math.h>
#include <vector_types.h>
#include <vector_functions.h>
#define KERNELS_OF_OTHERS
#include "../host_kernels.h"
#undef __noinline__
#define __noinline__ __attribute__((noinline))

static const int warpSize = 32;
static char *dynamic_shared;

struct Sizes { size_t sizes[64]; };  // how many arguments, and the bytes of each
template <typename... A> constexpr Sizes sizes_of(void (*)(A...)) { return {{sizeof...(A), sizeof(A)...}}; }

#define KERNEL(name, kernel, waits) \
    extern "C" { \
    Sizes sizes_##name = sizes_of(kernel); \
    void run_##name(const unsigned *grid, const unsigned *block, void **arguments, unsigned shared) \
    { \
        std::vector<char> memory(shared + 16, (char)0xA5); \
        dynamic_shared = (char *)(((uintptr_t)memory.data() + 15) & ~(uintptr_t)15); \
        host::launch(kernel, grid, block, arguments, waits); \
    } \
    }

static inline void __threadfence() {}
static inline void __threadfence_block() {}
template <typename T> static inline T __ldg(const T *p) { return *p; }
template <typename T> static T __shfl_sync(unsigned, T value, int source, int width = 32)
{ return host::sent_by(host::running / width * width + source % width, value); }
template <typename T> static T __shfl_down_sync(unsigned, T value, unsigned offset, int width = 32)
{ return host::sent_by(host::running % width + offset < (unsigned)width ? host::running + offset : host::running, value); }
template <typename T> static T __shfl_up_sync(unsigned, T value, unsigned offset, int width = 32)
{ return host::sent_by(host::running % width >= offset ? host::running - offset : host::running, value); }

// Atomic, since nobody else runs
template <typename T> static inline T exchanged(T *at, T value) { T old = *at; *at = value; return old; }
template <typename T> static inline T atomicExch(T *at, T value) { return exchanged(at, value); }
template <typename T> static inline T atomicSub(T *at, T value) { return exchanged(at, (T)(*at - value)); }
template <typename T> static inline T atomicCAS(T *at, T expected, T value) { return exchanged(at, *at == expected ? value : *at); }
#define ATOMIC(name, T, expression) static inline T name(T *at, T value) { return exchanged(at, (T)(expression)); }
#define ATOMICS(T) \
    ATOMIC(atomicMin, T, std::min(*at, value)) ATOMIC(atomicMax, T, std::max(*at, value)) \
    ATOMIC(atomicAnd, T, *at & value) ATOMIC(atomicOr, T, *at | value) ATOMIC(atomicXor, T, *at ^ value)
ATOMICS(int) ATOMICS(unsigned) ATOMICS(long long) ATOMICS(unsigned long long)

static inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
static inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
static inline long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
static inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
static inline int __double2hiint(double x) { return (int)(__double_as_longlong(x) >> 32); }
static inline int __double2loint(double x) { return (int)__double_as_longlong(x); }
static inline double __hiloint2double(int high, int low) { return __longlong_as_double(((long long)high << 32) | (unsigned)low); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }

// Functions of C++ that nvcc has for all numbers
template <typename A, typename B> using Common =
    std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>, std::common_type_t<A, B>>;
template <typename A, typename B> static inline Common<A, B> max(A a, B b)
{
    using C = Common<A, B>;
    if constexpr (std::is_floating_point_v<C>) return std::fmax((C)a, (C)b); else return std::max((C)a, (C)b);
}
template <typename A, typename B> static inline Common<A, B> min(A a, B b)
{
    using C = Common<A, B>;
    if constexpr (std::is_floating_point_v<C>) return std::fmin((C)a, (C)b); else return std::min((C)a, (C)b);
}

// Functions of one number that C++ lacks
static inline double root_of_erfc(double y)  // by Newton's method on log erfc, from above
{
    if (!(y > 0)) return y == 0 ? INFINITY : NAN;
    double x = y < 0.5 ? sqrt(-log(y)) : 0;
    for (int i = 0; i < 60; i++) x += (log(erfc(x)) - log(y)) * erfc(x) * exp(x * x) * sqrt(M_PI) / 2;
    return x;
}
static inline double root_of_erf(double y)
{
    if (!(std::fabs(y) < 1)) return std::fabs(y) == 1 ? y * INFINITY : NAN;
    if (std::fabs(y) > 0.5) return std::copysign(root_of_erfc(1 - std::fabs(y)), y);
    double x = y;
    for (int i = 0; i < 60; i++) x -= (erf(x) - y) * exp(x * x) * sqrt(M_PI) / 2;
    return x;
}
static inline double scaled_erfc(double x)
{
    if (x < 20) return exp(x * x) * erfc(x);
    double fraction = 0;
    for (int k = 60; k > 0; k--) fraction = k / 2.0 / (x + fraction);
    return 1 / sqrt(M_PI) / (x + fraction);
}
#define FUNCTION(name, expression) \
    template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>> static inline auto name(T number) \
    { \
        const double x = number; \
        return (std::conditional_t<std::is_same_v<T, float>, float, double>)(expression); \
    } \
    static inline float name##f(float x) { return name(x); }
FUNCTION(rsqrt, 1 / sqrt(x))
FUNCTION(rcbrt, 1 / cbrt(x))
FUNCTION(sinpi, sin(M_PI * fmod(x, 2)))
FUNCTION(cospi, cos(M_PI * fmod(x, 2)))
FUNCTION(erfinv, root_of_erf(x))
FUNCTION(erfcinv, x > 1 ? -root_of_erfc(2 - x) : root_of_erfc(x))
FUNCTION(erfcx, scaled_erfc(x))
FUNCTION(normcdf, erfc(-x / sqrt(2.0)) / 2)
FUNCTION(normcdfinv, x > 0.5 ? sqrt(2.0) * root_of_erfc(2 - 2 * x) : -sqrt(2.0) * root_of_erfc(2 * x))
FUNCTION(cyl_bessel_i0, std::cyl_bessel_i(0.0, std::fabs(x)))
FUNCTION(cyl_bessel_i1, std::copysign(std::cyl_bessel_i(1.0, std::fabs(x)), x))
static inline double j0(float x) { return j0((double)x); }
static inline double j1(float x) { return j1((double)x); }
static inline double y0(float x) { return y0((double)x); }
static inline double y1(float x) { return y1((double)x); }
