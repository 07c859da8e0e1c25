// Tools that are hostile by their shape: one for each SHAPE.
typedef unsigned int u32;
typedef unsigned long long u64;
#define EXPORT(name) __attribute__((export_name(name)))

#if SHAPE == 1 // alloc gives an address outside of memory
EXPORT("alloc") u32 alloc(u32 bytes)
{
    return 0xffff0000u - bytes;
}
#else
static char heap[65536];
EXPORT("alloc") u32 alloc(u32 bytes)
{
    return bytes <= sizeof heap ? (u32)heap : 0;
}
#endif

#if SHAPE == 3 // execute has another type than it should
EXPORT("execute") u32 execute(u32 at, u32 length)
{
    return at + length;
}
#elif SHAPE == 4 // one long line without a branch, in which nothing can be interrupted
EXPORT("execute") u64 execute(u32 at, u32 length)
{
    if (__builtin_wasm_memory_grow(0, 960) == (u32)-1) {
        return 0;
    }
    char *fresh = (char *)(2 << 16);
#define FILL __builtin_memset(fresh, (int)length, 900u << 16); __asm__ volatile("" ::: "memory");
#define TEN(x) x x x x x x x x x x
    TEN(TEN(FILL)) TEN(TEN(FILL)) TEN(TEN(FILL)) TEN(TEN(FILL))
    return ((u64)at << 32) | length;
}
#elif SHAPE == 5 // asks for what there is not: a socket
__attribute__((import_module("wasi_snapshot_preview1"), import_name("sock_open"))) u32 sock_open(u32 family,
                                                                                             u32 type, u32 *out);
EXPORT("execute") u64 execute(u32 at, u32 length)
{
    static u32 fd;
    *(char *)at = sock_open(1, 2, &fd) == 0 ? 'y' : 'n';
    return ((u64)at << 32) | (length ? 1 : 0);
}
#elif SHAPE == 6 // has none
#elif SHAPE == 7 // divides by nothing
EXPORT("execute") u64 execute(u32 at, u32 length)
{
    volatile u32 none = 0;
    return at / none + length;
}
#else
EXPORT("execute") u64 execute(u32 at, u32 length)
{
    return ((u64)at << 32) | length;
}
#endif
