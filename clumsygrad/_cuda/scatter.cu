// Rows added at indices: sums[where[row]] += x[row], for rows of `width` elements (complex numbers are two). An index out of range is
// taken modulo the length, as CuPy takes it where it reads.

__device__ inline Index within(Index index, Index length) { return index < 0 || index >= length ? (index % length + length) % length : index; }

// In any order, by atomic adds: sums of floats may differ from run to run in their last bits.
extern "C" __global__ void add_rows(const Stored *x, const Index *where, Real *sums, Index count, Index width, Index length)
{
    for (Index i = first_element(); i < count * width; i += all_threads()) {
        const Index row = i / width;
        atomicAdd(sums + within(where[row], length) * width + (i - row * width), to_real(x[i]));
    }
}

// In the order of the rows, `order` being what sorts the indices stably: each thread adds up one element of all rows of one index.
extern "C" __global__ void add_sorted_rows(
    const Stored *x, const Index *where, const Index *order, Real *sums, Index count, Index width)
{
    for (Index i = first_element(); i < count * width; i += all_threads()) {
        const Index place = i / width, j = i - place * width, index = where[order[place]];
        if (place > 0 && where[order[place - 1]] == index) continue;  // another thread's
        Real sum = 0;
        for (Index k = place; k < count && where[order[k]] == index; k++) sum += to_real(x[order[k] * width + j]);
        sums[index * width + j] = sum;
    }
}
