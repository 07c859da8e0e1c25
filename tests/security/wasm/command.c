// A tool after WASI's fashion: standard input to standard output, and with input "x" an exit code.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char bytes[65536];
    long got = read(0, bytes, sizeof bytes);
    if (got > 0 && bytes[0] == 'x') {
        return 3;
    }
    if (got > 0 && bytes[0] == 'n') { // its name
        long length = 0;
        while (argv[0][length]) {
            ++length;
        }
        write(1, argv[0], (unsigned long)length);
        return 0;
    }
    while (got > 0) {
        write(1, bytes, (unsigned long)got);
        got = read(0, bytes, sizeof bytes);
    }
    write(2, "done\n", 5);
    exit(argc == 1 ? 0 : 1);
}
