// Functions of each element by itself: sums, differences and products, relu, gelu in its tanh form, the binary cross-entropy, dropout;
// a row added to each of many, and copies with two axes exchanged.

#define FOR_ELEMENTS for (Index i = first_element(); i < n; i += all_threads())

// z = f(x), and z = f(x, y), of each element: four to a thread at a time, and then what is left.
template <typename Function> __device__ void each(const Stored *x, Stored *z, Index n, Function f)
{
    const Index fours = takes_fours(x) && takes_fours(z) ? n / 4 : 0;
    for (Index i = first_element(); i < fours; i += all_threads()) {
        const Four a = ((const Four *)x)[i];
        Four result;
        for (int k = 0; k < 4; k++) result.at[k] = to_stored(f(to_real(a.at[k])));
        ((Four *)z)[i] = result;
    }
    for (Index i = 4 * fours + first_element(); i < n; i += all_threads()) z[i] = to_stored(f(to_real(x[i])));
}

template <typename Function> __device__ void each(const Stored *x, const Stored *y, Stored *z, Index n, Function f)
{
    const Index fours = takes_fours(x) && takes_fours(y) && takes_fours(z) ? n / 4 : 0;
    for (Index i = first_element(); i < fours; i += all_threads()) {
        const Four a = ((const Four *)x)[i], b = ((const Four *)y)[i];
        Four result;
        for (int k = 0; k < 4; k++) result.at[k] = to_stored(f(to_real(a.at[k]), to_real(b.at[k])));
        ((Four *)z)[i] = result;
    }
    for (Index i = 4 * fours + first_element(); i < n; i += all_threads()) z[i] = to_stored(f(to_real(x[i]), to_real(y[i])));
}

// f(x, y) of two arrays, or of one and a number that is stretched to it: x where `single` is 1, y where it is 2.
template <typename Function>
__device__ void combined(const Stored *x, const Stored *y, Stored *z, Index n, Index single, Function f)
{
    if (single == 1) {
        const Real a = to_real(*x);
        each(y, z, n, [=](Real b) { return f(a, b); });
    } else if (single == 2) {
        const Real b = to_real(*y);
        each(x, z, n, [=](Real a) { return f(a, b); });
    } else {
        each(x, y, z, n, f);
    }
}

extern "C" __global__ void add(const Stored *x, const Stored *y, Stored *z, Index n, Index single)
{
    combined(x, y, z, n, single, [](Real a, Real b) { return a + b; });
}

extern "C" __global__ void subtract(const Stored *x, const Stored *y, Stored *z, Index n, Index single)
{
    combined(x, y, z, n, single, [](Real a, Real b) { return a - b; });
}

extern "C" __global__ void multiply(const Stored *x, const Stored *y, Stored *z, Index n, Index single)
{
    combined(x, y, z, n, single, [](Real a, Real b) { return a * b; });
}

// x where it is not below 0 (a nan is not), else 0
extern "C" __global__ void relu(const Stored *x, Stored *z, Index n)
{
    each(x, z, n, [](Real value) { return value < 0 ? (Real)0 : value; });
}

// grad where z > 0, else 0
extern "C" __global__ void relu_gradient(const Stored *z, const Stored *grad, Stored *out, Index n)
{
    each(z, grad, out, n, [](Real value, Real g) { return value > 0 ? g : (Real)0; });
}

// x / (1 + exp(-2 u)), u = x (scale + cubic x x)
extern "C" __global__ void gelu(const Stored *x, Stored *z, Index n, double scale, double cubic)
{
    const Real first = -2 * (Real)scale, third = -2 * (Real)cubic;
    each(x, z, n, [=](Real value) {
        const Real exponent = value * (first + third * value * value);
        return value / (1 + exp(fmin(exponent, (Real)LARGEST)));
    });
}

// grad (p + 2 x p (1 - p) u'), p = 1 / (1 + exp(-2 u)), u' = scale + 3 cubic x x
extern "C" __global__ void gelu_gradient(const Stored *x, const Stored *grad, Stored *out, Index n, double scale, double cubic)
{
    const Real first = (Real)scale, third = (Real)cubic;
    each(x, grad, out, n, [=](Real value, Real g) {
        value = value > 100 ? (Real)100 : value < -100 ? (Real)-100 : value;  // farther out p (1 - p) is 0, and u' may be infinite
        const Real square = value * value;
        const Real e = exp(fmin(-2 * value * (first + third * square), (Real)LARGEST));
        const Real portion = 1 / (1 + e);
        return g * (portion + 2 * value * portion * (e * portion) * (first + 3 * third * square));
    });
}

// x + row for each row of a matrix, in place. A block has threads for 4 columns each, and takes many rows.
extern "C" __global__ void add_row(Stored *x, const Stored *row, Index rows, Index n)
{
    const bool wide = n % 4 == 0 && takes_fours(x) && takes_fours(row);
    const Index step = wide ? 4 : 1;
    for (Index column = first_element() * step; column < n; column += all_threads() * step) {
        if (wide) {
            const Four b = *(const Four *)(row + column);
            for (Index i = blockIdx.y * (Index)blockDim.y + threadIdx.y; i < rows; i += gridDim.y * (Index)blockDim.y) {
                Four *at = (Four *)(x + i * n + column);
                Four a = *at;
                for (int k = 0; k < 4; k++) a.at[k] = to_stored(to_real(a.at[k]) + to_real(b.at[k]));
                *at = a;
            }
        } else {
            const Real b = to_real(row[column]);
            for (Index i = blockIdx.y * (Index)blockDim.y + threadIdx.y; i < rows; i += gridDim.y * (Index)blockDim.y)
                x[i * n + column] = to_stored(to_real(x[i * n + column]) + b);
        }
    }
}

// (h - label) x + log(1 + exp(-|x|)), h = 1 where x >= 0, else 0; and its slope, the probability 1 / (1 + exp(-x)) less the label
extern "C" __global__ void binary_cross_entropy(const Stored *x, const Stored *labels, Real *losses, Real *slope, Index n)
{
    FOR_ELEMENTS {
        const Real value = to_real(x[i]), label = to_real(labels[i]);
        const Real e = exp(-fabs(value)), portion = e / (1 + e);
        const Real linear = value < 0 ? -label : 1 - label;
        losses[i] = linear * value + log1p(e);
        slope[i] = value < 0 ? linear + portion : linear - portion;
    }
}

// (x - y)^2; and, if it is wanted, its slope times a factor
extern "C" __global__ void squared_error(const Stored *x, const Stored *y, Real *losses, Real *slope, Index n, double factor)
{
    FOR_ELEMENTS {
        const Real difference = to_real(x[i]) - to_real(y[i]);
        losses[i] = difference * difference;
        if (slope) slope[i] = (Real)factor * difference;
    }
}

// Philox 4x32-10. Source: Salmon, Moraes, Dror and Shaw 2011, section 3.3.
__device__ void philox(Word counter[4], Word key0, Word key1)
{
    for (int round = 0; round < 10; round++) {
        const Word high0 = __umulhi(0xD2511F53u, counter[0]), low0 = 0xD2511F53u * counter[0];
        const Word high2 = __umulhi(0xCD9E8D57u, counter[2]), low2 = 0xCD9E8D57u * counter[2];
        counter[0] = high2 ^ counter[1] ^ key0;
        counter[1] = low2;
        counter[2] = high0 ^ counter[3] ^ key1;
        counter[3] = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

// x scale where 24 random bits are at least `least`, else 0. Block b of the generator serves the elements b, b + m, b + 2 m and b + 3 m,
// m a fourth of n: so the threads of a warp read side by side.
extern "C" __global__ void dropout(
    const Stored *x, Stored *z, Index n, Word key0, Word key1, Word step0, Word step1, Word least, double scale)
{
    const Index blocks = (n + 3) / 4;
    for (Index b = first_element(); b < blocks; b += all_threads()) {
        Word words[4] = {(Word)b, (Word)(b >> 32), step0, step1};
        philox(words, key0, key1);
        for (int part = 0; part < 4; part++) {
            const Index i = b + part * blocks;
            if (i < n) z[i] = words[part] >> 8 >= least ? to_stored(to_real(x[i]) * (Real)scale) : to_stored(0);
        }
    }
}

// z[o, j, i, k] = x[o, i, j, k] of arrays (o, a, b, n): for each row of blocks one array, of four at most
extern "C" __global__ void axes_exchanged(
    const Stored *x0, const Stored *x1, const Stored *x2, const Stored *x3, Stored *z0, Stored *z1, Stored *z2, Stored *z3, Index size,
    Index a, Index b, Index n)
{
    const Word which = blockIdx.y;
    const Stored *x = which == 0 ? x0 : which == 1 ? x1 : which == 2 ? x2 : x3;
    Stored *z = which == 0 ? z0 : which == 1 ? z1 : which == 2 ? z2 : z3;
    for (Index at = first_element(); at < size; at += all_threads()) {
        const Index row = at / n, i = row % a, j = row / a % b, o = row / a / b;
        z[at] = x[((o * a + i) * b + j) * n + at % n];
    }
}
