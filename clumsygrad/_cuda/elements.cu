// Functions of each element by itself: gelu in its tanh form, the binary cross-entropy, and dropout.

#define FOR_ELEMENTS for (Index i = first_element(); i < n; i += all_threads())

// x / (1 + exp(-2 u)), u = x (scale + cubic x x)
extern "C" __global__ void gelu(const Stored *x, Stored *z, Index n, double scale, double cubic)
{
    FOR_ELEMENTS {
        const Real value = to_real(x[i]);
        const Real exponent = -2 * value * ((Real)scale + (Real)cubic * value * value);
        z[i] = to_stored(value / (1 + exp(fmin(exponent, (Real)LARGEST))));
    }
}

// grad (p + 2 x p (1 - p) u'), p = 1 / (1 + exp(-2 u)), u' = scale + 3 cubic x x
extern "C" __global__ void gelu_gradient(const Stored *x, const Stored *grad, Stored *out, Index n, double scale, double cubic)
{
    FOR_ELEMENTS {
        Real value = to_real(x[i]);
        value = value > 100 ? (Real)100 : value < -100 ? (Real)-100 : value;  // farther out p (1 - p) is 0, and u' may be infinite
        const Real square = value * value;
        const Real e = exp(fmin(-2 * value * ((Real)scale + (Real)cubic * square), (Real)LARGEST));
        const Real portion = 1 / (1 + e);
        const Real slope = 2 * value * portion * (e * portion) * ((Real)scale + 3 * (Real)cubic * square);
        out[i] = to_stored(to_real(grad[i]) * (portion + slope));
    }
}

// (h - label) x + log(1 + exp(-|x|)), h = 1 where x >= 0, else 0; and its slope, the probability 1 / (1 + exp(-x)) less the label
extern "C" __global__ void binary_cross_entropy(const Stored *x, const Stored *labels, Stored *losses, Stored *slope, Index n)
{
    FOR_ELEMENTS {
        const Real value = to_real(x[i]), label = to_real(labels[i]);
        const Real e = exp(-fabs(value)), portion = e / (1 + e);
        const Real linear = value < 0 ? -label : 1 - label;
        losses[i] = to_stored(linear * value + log1p(e));
        slope[i] = to_stored(value < 0 ? linear + portion : linear - portion);
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
