// CUDA C++ on the host, as far as clumsygrad's kernels use it: one thread of a block after the other, each on a stack of its own, that
// change places where threads wait for each other. What would hang a GPU (threads that wait for others that never come) aborts.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __launch_bounds__(threads)
#define __shared__ static

using std::exp;
using std::log;
using std::sqrt;
using std::fmin;

struct dim3 { unsigned x, y, z; };
static dim3 gridDim, blockDim, blockIdx, threadIdx;

static unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
static unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
template <typename T> static T atomicAdd(T *at, T value) { T old = *at; *at += value; return old; }

enum State { RUNS, AT_WARP, AT_BLOCK, DONE };
struct Thread { ucontext_t context; State state; dim3 index; unsigned char sent[8]; };
static std::vector<Thread> threads;
static unsigned running;
static ucontext_t scheduler;
static std::function<void()> body;
static const size_t STACK = 1 << 16;

static void wait(State where)
{
    Thread &self = threads[running];
    self.state = where;
    swapcontext(&self.context, &scheduler);
}

static void __syncthreads() { wait(AT_BLOCK); }

template <typename T> static T __shfl_xor_sync(unsigned, T value, int offset)
{
    const unsigned self = running;
    __builtin_memcpy(threads[self].sent, &value, sizeof value);
    wait(AT_WARP);
    __builtin_memcpy(&value, threads[self ^ offset].sent, sizeof value);
    wait(AT_WARP);  // until all have read
    return value;
}

static void start()
{
    body();
    threads[running].state = DONE;
    swapcontext(&threads[running].context, &scheduler);
}

static void fail(const char *why) { fprintf(stderr, "%s\n", why); abort(); }

static void run_block()
{
    const unsigned count = blockDim.x * blockDim.y * blockDim.z;
    static std::vector<char> stacks;
    stacks.resize(STACK * count);
    threads.resize(count);
    for (unsigned i = 0; i < count; i++) {
        Thread &thread = threads[i];
        thread.state = RUNS;
        thread.index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = &stacks[STACK * i];
        thread.context.uc_stack.ss_size = STACK;
        thread.context.uc_link = nullptr;
        makecontext(&thread.context, start, 0);
    }
    for (;;) {
        unsigned done = 0, at_block = 0;
        for (unsigned i = 0; i < count; i++) {
            Thread &thread = threads[i];
            if (thread.state == RUNS || thread.state == AT_WARP) {
                running = i;
                threadIdx = thread.index;
                swapcontext(&scheduler, &thread.context);
            }
            done += thread.state == DONE;
            at_block += thread.state == AT_BLOCK;
        }
        for (unsigned i = 0; i < count; i++)
            if (threads[i].state != threads[i - i % 32].state) fail("the threads of a warp went different ways around a barrier");
        if (done == count) return;
        if (at_block == count)
            for (Thread &thread : threads) thread.state = RUNS;
        else if (at_block && done + at_block == count) fail("a barrier that not all threads of the block come to");
    }
}

static void run_grid(const unsigned *grid, const unsigned *block)
{
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                run_block();
            }
}
