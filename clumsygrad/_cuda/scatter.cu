// What was read, added back where it was read; and patches of images, read.
//
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

// What a window of `high` x `wide` sees of images (N, channels, height, width) from down x across places, a row for each of them; 0
// outside. Images lie as `of_...` says, in elements. The threads of a row are those along x, as in rows.cu.
extern "C" __launch_bounds__(1024) __global__ void take_patches(
    const Stored *images, Stored *rows, Index count, Index channels, Index height, Index width, Index high, Index wide, Index down,
    Index across, Index stride_y, Index stride_x, Index padding_y, Index padding_x, Index dilation_y, Index dilation_x, Index of_image,
    Index of_channel, Index of_line, Index of_column)
{
    const Word length = (Word)(high * wide * channels);
    for (Index row = blockIdx.x * (Index)blockDim.y + threadIdx.y; row < count; row += gridDim.x * (Index)blockDim.y) {
        const Index line = row / across, image = line / down;
        const Index top = (line - image * down) * stride_y - padding_y, left = (row - line * across) * stride_x - padding_x;
        for (Word j = threadIdx.x; j < length; j += blockDim.x) {
            const Word place = j / (Word)channels, channel = j - place * (Word)channels, r = place / (Word)wide;
            const Index y = top + r * dilation_y, x = left + (place - r * (Word)wide) * dilation_x;
            const bool inside = y >= 0 && y < height && x >= 0 && x < width;
            rows[row * length + j] = inside ? images[image * of_image + channel * of_channel + y * of_line + x * of_column] : (Stored)0;
        }
    }
}

// What a window of `high` x `wide` saw of images (N, height, width, channels) from down x across places, a row for each, added where it
// was seen: each thread adds up what belongs to one element, in the order of the window's elements.
extern "C" __global__ void add_patches(
    const Stored *rows, Stored *images, Index n, Index channels, Index height, Index width, Index high, Index wide, Index down,
    Index across, Index stride_y, Index stride_x, Index padding_y, Index padding_x, Index dilation_y, Index dilation_x)
{
    for (Index i = first_element(); i < n; i += all_threads()) {
        const Index pixel = i / channels, channel = i - pixel * channels;
        const Index line = pixel / width, x = pixel - line * width + padding_x;
        const Index image = line / height, y = line - image * height + padding_y;
        Real sum = 0;
        for (Index r = 0; r < high; r++) {
            const Index p = (y - r * dilation_y) / stride_y;
            if (y < r * dilation_y || p * stride_y != y - r * dilation_y || p >= down) continue;
            for (Index s = 0; s < wide; s++) {
                const Index q = (x - s * dilation_x) / stride_x;
                if (x < s * dilation_x || q * stride_x != x - s * dilation_x || q >= across) continue;
                sum += to_real(rows[((((image * down + p) * across + q) * high + r) * wide + s) * channels + channel]);
            }
        }
        images[i] = to_stored(sum);
    }
}
