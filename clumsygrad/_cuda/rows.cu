// Functions of rows of n elements, one after the other in memory. The threads of a row are those along x: a warp, and then a block holds
// blockDim.y rows; or several warps, and then it holds one.

#define EVERY_LANE 0xffffffffu
#define FOR_ROWS for (Index row = blockIdx.x * (Index)blockDim.y + threadIdx.y; row < rows; row += gridDim.x * (Index)blockDim.y)
#define FOR_ELEMENTS for (Index j = threadIdx.x; j < n; j += blockDim.x)

struct Sum {
    __device__ static Real nothing() { return 0; }
    __device__ static Real of(Real a, Real b) { return a + b; }
};

struct Max {  // which hands a nan on, as array libraries do
    __device__ static Real nothing() { return -INFINITE; }
    __device__ static Real of(Real a, Real b) { return a > b || a != a ? a : b; }
};

template <typename Operation> __device__ Real over_warp(Real value)
{
    for (int offset = 16; offset; offset >>= 1)
        value = Operation::of(value, __shfl_xor_sync(EVERY_LANE, value, offset));
    return value;
}

// One number of each thread made one number of the row, which all its threads get.
template <typename Operation> __device__ Real over_row(Real value)
{
    value = over_warp<Operation>(value);
    if (blockDim.x > 32) {
        __shared__ Real of_warps[32];
        const unsigned lane = threadIdx.x % 32;
        if (lane == 0) of_warps[threadIdx.x / 32] = value;
        __syncthreads();
        value = over_warp<Operation>(lane < blockDim.x / 32 ? of_warps[lane] : Operation::nothing());
        __syncthreads();  // before the next numbers are written there
    }
    return value;
}

__device__ Real largest_of(const Stored *x, Index n)
{
    Real largest = Max::nothing();
    FOR_ELEMENTS largest = Max::of(largest, to_real(x[j]));
    return over_row<Max>(largest);
}

__device__ Real sum_of_exponentials(const Stored *x, Real largest, Index n)
{
    Real sum = 0;
    FOR_ELEMENTS sum += exp(to_real(x[j]) - largest);
    return over_row<Sum>(sum);
}

// sums = sum x / divisor
extern "C" __launch_bounds__(1024) __global__ void sums_of_rows(const Stored *x, Stored *sums, Index rows, Index n, double divisor)
{
    FOR_ROWS {
        Real sum = 0;
        FOR_ELEMENTS sum += to_real(x[row * n + j]);
        sum = over_row<Sum>(sum);
        if (threadIdx.x == 0) sums[row] = to_stored(sum / (Real)divisor);
    }
}

// z = exp(x) / sum exp(x)
extern "C" __launch_bounds__(1024) __global__ void softmax(const Stored *x, Stored *z, Index rows, Index n)
{
    FOR_ROWS {
        const Stored *in = x + row * n;
        const Real largest = largest_of(in, n);
        const Real sum = sum_of_exponentials(in, largest, n);
        FOR_ELEMENTS z[row * n + j] = to_stored(exp(to_real(in[j]) - largest) / sum);
    }
}

// z (grad - sum z grad)
extern "C" __launch_bounds__(1024) __global__ void softmax_gradient(
    const Stored *z, const Stored *grad, Stored *out, Index rows, Index n)
{
    FOR_ROWS {
        const Stored *of_row = z + row * n, *g = grad + row * n;
        Real sum = 0;
        FOR_ELEMENTS sum += to_real(of_row[j]) * to_real(g[j]);
        sum = over_row<Sum>(sum);
        FOR_ELEMENTS out[row * n + j] = to_stored(to_real(of_row[j]) * (to_real(g[j]) - sum));
    }
}

// z = x - log sum exp(x)
extern "C" __launch_bounds__(1024) __global__ void log_softmax(const Stored *x, Stored *z, Index rows, Index n)
{
    FOR_ROWS {
        const Stored *in = x + row * n;
        const Real largest = largest_of(in, n);
        const Real sum = log(sum_of_exponentials(in, largest, n));
        FOR_ELEMENTS z[row * n + j] = to_stored(to_real(in[j]) - largest - sum);
    }
}

// grad - exp(z) sum grad
extern "C" __launch_bounds__(1024) __global__ void log_softmax_gradient(
    const Stored *z, const Stored *grad, Stored *out, Index rows, Index n)
{
    FOR_ROWS {
        const Stored *of_row = z + row * n, *g = grad + row * n;
        Real sum = 0;
        FOR_ELEMENTS sum += to_real(g[j]);
        sum = over_row<Sum>(sum);
        FOR_ELEMENTS out[row * n + j] = to_stored(to_real(g[j]) - exp(to_real(of_row[j])) * sum);
    }
}

// losses = -log softmax(x)[label], sums = log sum exp(x), in all digits that the gradient needs. A label that names no class is read
// modulo their number, as CuPy reads indices.
extern "C" __launch_bounds__(1024) __global__ void cross_entropy(
    const Stored *x, const Index *labels, Stored *losses, Real *sums, Index rows, Index n)
{
    FOR_ROWS {
        const Stored *in = x + row * n;
        const Real largest = largest_of(in, n);
        const Real sum = log(sum_of_exponentials(in, largest, n));
        if (threadIdx.x == 0) {
            const Index label = (labels[row] % n + n) % n;
            losses[row] = to_stored(sum - (to_real(in[label]) - largest));
            sums[row] = sum + largest;
        }
    }
}

// (exp(x - sums) - one at the label) grad factor, grad one number, or one for each row
extern "C" __launch_bounds__(1024) __global__ void cross_entropy_gradient(
    const Stored *x, const Index *labels, const Real *sums, const Stored *grad, Stored *out, Index rows, Index n, Index each,
    double factor)
{
    FOR_ROWS {
        const Real g = to_real(grad[each ? row : 0]) * (Real)factor, sum = sums[row];
        const Index label = (labels[row] % n + n) % n;
        FOR_ELEMENTS {
            const Real softmax = exp(to_real(x[row * n + j]) - sum);
            out[row * n + j] = to_stored((j == label ? softmax - 1 : softmax) * g);
        }
    }
}

// z = (x - mean) inverse gain + shift, inverse = 1 / sqrt(variance + eps); gain and shift may be missing
extern "C" __launch_bounds__(1024) __global__ void layer_norm(
    const Stored *x, const Stored *gain, const Stored *shift, Stored *z, Real *means, Real *inverses, Index rows, Index n, double eps)
{
    FOR_ROWS {
        const Stored *in = x + row * n;
        Real mean = 0, variance = 0;
        FOR_ELEMENTS mean += to_real(in[j]);
        mean = over_row<Sum>(mean) / n;
        FOR_ELEMENTS variance += (to_real(in[j]) - mean) * (to_real(in[j]) - mean);
        const Real inverse = 1 / sqrt(over_row<Sum>(variance) / n + (Real)eps);
        FOR_ELEMENTS {
            Real value = (to_real(in[j]) - mean) * inverse;
            if (gain) value *= to_real(gain[j]);
            if (shift) value += to_real(shift[j]);
            z[row * n + j] = to_stored(value);
        }
        if (threadIdx.x == 0) {
            means[row] = mean;
            inverses[row] = inverse;
        }
    }
}

// (h - mean h - normed mean(h normed)) inverse, h = grad gain
extern "C" __launch_bounds__(1024) __global__ void layer_norm_gradient(
    const Stored *x, const Stored *grad, const Stored *gain, const Real *means, const Real *inverses, Stored *out, Index rows, Index n)
{
    FOR_ROWS {
        const Stored *in = x + row * n, *g = grad + row * n;
        const Real mean = means[row], inverse = inverses[row];
        Real first = 0, second = 0;
        FOR_ELEMENTS {
            const Real h = gain ? to_real(g[j]) * to_real(gain[j]) : to_real(g[j]);
            first += h;
            second += h * (to_real(in[j]) - mean);
        }
        first = over_row<Sum>(first) / n;
        second = over_row<Sum>(second) * inverse / n;
        FOR_ELEMENTS {
            const Real h = gain ? to_real(g[j]) * to_real(gain[j]) : to_real(g[j]);
            out[row * n + j] = to_stored((h - first - (to_real(in[j]) - mean) * inverse * second) * inverse);
        }
    }
}

// Sums over rows, for each column: the threads of a block are up to 32 rows of 32 columns.

struct Reals { __device__ static Real of(Real x) { return x; } };
struct Storeds { __device__ static Real of(Stored x) { return to_real(x); } };

// What each thread found, summed over those of its column: in the first row of threads.
__device__ Real over_columns(Real value)
{
    __shared__ Real of_rows[32][32];
    of_rows[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    if (threadIdx.y == 0)
        for (Word y = 1; y < blockDim.y; y++) value += of_rows[y][threadIdx.x];
    __syncthreads();  // before the next numbers are written there
    return value;
}

__device__ inline Index own_column() { return blockIdx.x * (Index)32 + threadIdx.x; }

#define FOR_OWN_ROWS \
    for (Index row = blockIdx.y * (Index)blockDim.y + threadIdx.y; row < rows; row += gridDim.y * (Index)blockDim.y)

template <typename Read, typename Number> __device__ Real sum_of_column(const Number *x, Index rows, Index n)
{
    const Index column = own_column();
    Real sum = 0;
    if (column < n) FOR_OWN_ROWS sum += Read::of(x[row * n + column]);
    return over_columns(sum);
}

// sum x / divisor over all rows, of each of a stack of matrices as high as the grid is deep; or, where it has several rows of blocks,
// sum x over the rows of each part: an array (gridDim.y, n)
extern "C" __launch_bounds__(1024) __global__ void sums_of_columns(
    const Stored *x, Real *parts, Stored *sums, Index rows, Index n, double divisor)
{
    x += blockIdx.z * rows * n;
    sums += blockIdx.z * n;
    const Real sum = sum_of_column<Storeds>(x, rows, n);
    const Index column = own_column();
    if (threadIdx.y || column >= n) return;
    if (gridDim.y > 1) parts[blockIdx.y * n + column] = sum;
    else sums[column] = to_stored(sum / (Real)divisor);
}

// The sum of such parts, divided
extern "C" __launch_bounds__(1024) __global__ void sums_of_parts(
    const Real *parts, Stored *sums, Index rows, Index n, double divisor)
{
    const Real sum = sum_of_column<Reals>(parts, rows, n);
    if (threadIdx.y == 0 && own_column() < n) sums[own_column()] = to_stored(sum / (Real)divisor);
}

// sum grad normed and sum grad over all rows; or, as above, over those of each part: arrays (gridDim.y, n)
extern "C" __launch_bounds__(1024) __global__ void layer_norm_columns(
    const Stored *x, const Stored *grad, const Real *means, const Real *inverses, Real *gains, Real *shifts, Stored *of_gain,
    Stored *of_shift, Index rows, Index n)
{
    const Index column = own_column();
    Real gain = 0, shift = 0;
    if (column < n) {
        FOR_OWN_ROWS {
            const Real g = to_real(grad[row * n + column]);
            gain += g * (to_real(x[row * n + column]) - means[row]) * inverses[row];
            shift += g;
        }
    }
    gain = over_columns(gain);
    shift = over_columns(shift);
    if (threadIdx.y || column >= n) return;
    if (gridDim.y > 1) {
        gains[blockIdx.y * n + column] = gain;
        shifts[blockIdx.y * n + column] = shift;
    } else {
        of_gain[column] = to_stored(gain);
        of_shift[column] = to_stored(shift);
    }
}
