// CUDA C++ on the host, as far as clumsygrad's kernels use it: one thread of a block after the other, each on a stack of its own, that
// change places where threads wait for each other. What would hang a GPU (threads that wait for others that never come) aborts. With
// CLUMSYGRAD_HOST_REVERSED=1 the last thread comes first, and the last block: what threads write and read of each other with no barrier
// between differs then.

#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#ifndef __VECTOR_TYPES_H__  // CUDA's own headers are not there
#define __global__
#define __device__
struct dim3 { unsigned x, y, z; };
#endif
#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)

using std::exp;
using std::log;
using std::sqrt;
using std::fmin;

static dim3 gridDim, blockDim, blockIdx, threadIdx;

static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static inline float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
static inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
#define ATOMIC_ADD(T) static inline T atomicAdd(T *at, T value) { T old = *at; *at = old + value; return old; }
ATOMIC_ADD(int) ATOMIC_ADD(unsigned) ATOMIC_ADD(unsigned long long) ATOMIC_ADD(float) ATOMIC_ADD(double)

namespace host {

enum State { RUNS, AT_WARP, AT_BLOCK, DONE };
struct Thread { void *stack_pointer; State state; dim3 index; unsigned char sent[16]; };
static std::vector<Thread> threads;
static unsigned running;
static void *scheduler;
static std::function<void()> body;
static const size_t STACK = 1 << 16;

// The i-th of n threads, or blocks, that run.
static inline unsigned nth(unsigned i, unsigned n)
{
    static const char *reversed = getenv("CLUMSYGRAD_HOST_REVERSED");
    return reversed && *reversed == '1' ? n - 1 - i : i;
}

static inline void fail(const char *why) { fprintf(stderr, "%s\n", why); abort(); }

// Keep the registers that a function must keep, and go on where another stack was left.
extern "C" void host_change_places(void **from, void *to);
__asm__(
    ".text\n.weak host_change_places\n.type host_change_places,@function\nhost_change_places:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");

static __attribute__((noinline)) void wait(State where)
{
    Thread &self = threads[running];
    self.state = where;
    host_change_places(&self.stack_pointer, scheduler);
}

static inline void start()
{
    body();
    wait(DONE);
}

static inline unsigned warp_end(unsigned i) { return std::min<size_t>(threads.size(), i - i % 32 + 32); }

// The threads of a warp that are not done go on when all of them are there, those of the block likewise: whether any could.
static inline bool let_go()
{
    unsigned done = 0, at_block = 0, go = 0;
    const unsigned count = threads.size();
    for (unsigned i = 0; i < count; i++) {
        done += threads[i].state == DONE;
        at_block += threads[i].state == AT_BLOCK;
    }
#ifndef KERNELS_OF_OTHERS  // CuPy's may end before a barrier of the other threads; clumsygrad's do not
    for (unsigned i = 0; i < count; i++)
        if (threads[i].state != threads[i - i % 32].state) fail("the threads of a warp went different ways around a barrier");
    if (done && at_block && done + at_block == count) fail("a barrier that not all threads of the block come to");
#endif
    if (done == count) return false;
    for (unsigned warp = 0; warp < count; warp += 32) {
        unsigned alive = 0, there = 0;
        for (unsigned i = warp; i < warp_end(warp); i++) {
            alive += threads[i].state != DONE;
            there += threads[i].state == AT_WARP;
        }
        if (there != alive) continue;
        for (unsigned i = warp; i < warp_end(warp); i++)
            if (threads[i].state == AT_WARP) threads[i].state = RUNS, go++;
    }
    if (!go && done + at_block != count) fail("threads of a warp went different ways around a barrier");
    if (!go)
        for (Thread &thread : threads)
            if (thread.state == AT_BLOCK) thread.state = RUNS;
    return true;
}

static inline void run_block()
{
    static std::vector<char> stacks;
    threads.resize(blockDim.x * blockDim.y * blockDim.z);
    if (stacks.size() < STACK * threads.size()) stacks.resize(STACK * threads.size());
    for (unsigned i = 0; i < threads.size(); i++) {
        Thread &thread = threads[i];
        thread.state = RUNS;
        thread.index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
        void **top = (void **)((uintptr_t)&stacks[STACK * i + STACK - 1] & ~(uintptr_t)15);
        *--top = nullptr;  // where `start` would return to, which it does not
        *--top = (void *)start;
        thread.stack_pointer = top - 6;
    }
    do {
        for (unsigned i = 0; i < threads.size(); i++) {
            running = nth(i, threads.size());
            if (threads[running].state == RUNS) {
                threadIdx = threads[running].index;
                host_change_places(&scheduler, threads[running].stack_pointer);
            }
        }
    } while (let_go());
}

// A kernel whose threads do not wait for each other needs no stacks.
template <typename F> static void run_grid(const unsigned *grid, const unsigned *block, bool waits, F f)
{
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    body = f;
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {nth(x, gridDim.x), nth(y, gridDim.y), nth(z, gridDim.z)};
                if (waits) {
                    run_block();
                    continue;
                }
                for (unsigned c = 0; c < blockDim.z; c++)
                    for (unsigned b = 0; b < blockDim.y; b++)
                        for (unsigned a = 0; a < blockDim.x; a++) {
                            threadIdx = {nth(a, blockDim.x), nth(b, blockDim.y), nth(c, blockDim.z)};
                            f();
                        }
            }
}

template <typename... A, size_t... i>
static void launch(void (*kernel)(A...), const unsigned *grid, const unsigned *block, void **arguments, bool waits, std::index_sequence<i...>)
{
    run_grid(grid, block, waits, [=] { kernel(*(std::remove_cv_t<std::remove_reference_t<A>> *)arguments[i]...); });
}

// Run a kernel with arguments that are given by their addresses.
template <typename... A>
static void launch(void (*kernel)(A...), const unsigned *grid, const unsigned *block, void **arguments, bool waits)
{
    launch(kernel, grid, block, arguments, waits, std::index_sequence_for<A...>{});
}

// What another thread of the warp sends. All of the warp must be there.
template <typename T> static T sent_by(unsigned source, T value)
{
    static_assert(sizeof value <= sizeof(Thread::sent), "");
    const unsigned self = running;
    memcpy(threads[self].sent, &value, sizeof value);
    wait(AT_WARP);
    if (source >= threads.size() || threads[source].state == DONE) fail("a thread reads what no thread of its warp sends");
    memcpy(&value, threads[source].sent, sizeof value);
    wait(AT_WARP);  // until all have read
    return value;
}

}  // namespace host

static inline void __syncthreads() { host::wait(host::AT_BLOCK); }
static inline void __syncwarp(unsigned = ~0u) { host::wait(host::AT_WARP); }
template <typename T> static T __shfl_xor_sync(unsigned, T value, int offset, int = 32) { return host::sent_by(host::running ^ offset, value); }
