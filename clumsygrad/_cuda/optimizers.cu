// Steps of optimizers: one launch for up to TENSORS parameters, each a row of blocks. Written are new parameters, and state: new, or where it was.

#define TENSORS 48

struct Parameters {  // by value, among the arguments of the kernel: nothing has to be copied to the device before
    const Stored *x[TENSORS], *grad[TENSORS];
    const Real *first[TENSORS], *second[TENSORS];  // state, null before the first step
    Stored *new_x[TENSORS];
    Real *new_first[TENSORS], *new_second[TENSORS];
    Index size[TENSORS];
};

#define FOR_ELEMENTS for (Index i = first_element(); i < p.size[t]; i += all_threads())

// v = momentum v + grad + decay x;   x - rate v.   Without new_first there is no momentum.
extern "C" __global__ void sgd(const Parameters p, double rate, double momentum, double decay)
{
    const int t = blockIdx.y;
    FOR_ELEMENTS {
        const Real x = to_real(p.x[t][i]);
        Real v = to_real(p.grad[t][i]) + (Real)decay * x;
        if (p.first[t]) v += (Real)momentum * p.first[t][i];
        if (p.new_first[t]) p.new_first[t][i] = v;
        p.new_x[t][i] = to_stored(x - (Real)rate * v);
    }
}

// g = grad + decay x;   mean = beta mean + (1 - beta) g;   square = beta2 square + (1 - beta2) g g;
// x keep - rate mean / (sqrt(square) / root + eps).   rate and root hold the corrections for the start.
extern "C" __global__ void adam(
    const Parameters p, double rate, double beta, double beta2, double root, double eps, double decay, double keep)
{
    const int t = blockIdx.y;
    FOR_ELEMENTS {
        const Real x = to_real(p.x[t][i]);
        const Real g = to_real(p.grad[t][i]) + (Real)decay * x;
        Real mean = g * (Real)(1 - beta), square = g * g * (Real)(1 - beta2);
        if (p.first[t]) {
            mean += (Real)beta * p.first[t][i];
            square += (Real)beta2 * p.second[t][i];
        }
        p.new_first[t][i] = mean;
        p.new_second[t][i] = square;
        p.new_x[t][i] = to_stored(x * (Real)keep - mean / (sqrt(square) / (Real)root + (Real)eps) * (Real)rate);
    }
}
