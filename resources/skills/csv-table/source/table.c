// csv_table: {"csv": "name,age\nAda,36\n"} → {"columns": ["name", "age"], "rows": [{"name": "Ada", "age": "36"}]}
// A WASI command: JSON on standard input, JSON on standard output, and nothing else of the world.
#include <unistd.h>

#define SB_BLOCK (48u << 20)
#include "../../sdk/signalbox.h"

enum { MOST_COLUMNS = 256 };

// The next field of a CSV (RFC 4180: quotes around it, two for one); `at` goes behind its comma or line end.
static sb_text field(sb_text csv, sb_size *at, int *last)
{
    sb_output output = {0, 0, 0};
    int quoted = *at < csv.length && csv.bytes[*at] == '"';
    *at += (sb_size)quoted;
    *last = 1;
    while (*at < csv.length) {
        const char c = csv.bytes[(*at)++];
        if (quoted) {
            if (c != '"') {
                sb_put(&output, c);
            } else if (*at < csv.length && csv.bytes[*at] == '"') {
                sb_put(&output, '"');
                ++*at;
            } else {
                quoted = 0;
            }
        } else if (c == ',') {
            *last = 0;
            break;
        } else if (c == '\n') {
            break;
        } else if (c != '\r') {
            sb_put(&output, c);
        }
    }
    return sb_text_of(&output);
}

static void print(sb_text text)
{
    while (text.length > 0) {
        const long wrote = write(1, text.bytes, text.length);
        if (wrote <= 0) {
            return;
        }
        text.bytes += wrote;
        text.length -= (sb_size)wrote;
    }
}

int main(void)
{
    sb_output input = {0, 0, 0};
    static char piece[16384];
    for (long got = read(0, piece, sizeof piece); got > 0; got = read(0, piece, sizeof piece)) {
        sb_write(&input, (sb_text){piece, (sb_size)got});
    }
    const sb_text csv = sb_unquoted(sb_member(sb_text_of(&input), SB_TEXT("csv")));
    if (csv.length == 0) {
        print(SB_TEXT("{\"error\":\"There is no CSV.\"}"));
        return 0;
    }
    static sb_text columns[MOST_COLUMNS];
    int count = 0;
    sb_size at = 0;
    int last = 0;
    while (!last && count < MOST_COLUMNS) {
        columns[count++] = field(csv, &at, &last);
    }
    if (!last) {
        print(SB_TEXT("{\"error\":\"There are more than 256 columns.\"}"));
        return 0;
    }
    sb_output output = {0, 0, 0};
    sb_write(&output, SB_TEXT("{\"columns\":["));
    for (int i = 0; i < count; ++i) {
        sb_write(&output, i > 0 ? SB_TEXT(",") : SB_TEXT(""));
        sb_write_quoted(&output, columns[i]);
    }
    sb_write(&output, SB_TEXT("],\"rows\":["));
    int first = 1;
    while (at < csv.length) {
        sb_write(&output, first ? SB_TEXT("{") : SB_TEXT(",{"));
        first = 0;
        last = 0;
        for (int i = 0; !last; ++i) {
            const sb_text value = field(csv, &at, &last);
            if (i < count) { // what has no column's name is left out
                sb_write(&output, i > 0 ? SB_TEXT(",") : SB_TEXT(""));
                sb_write_quoted(&output, columns[i]);
                sb_put(&output, ':');
                sb_write_quoted(&output, value);
            }
        }
        sb_put(&output, '}');
    }
    sb_write(&output, SB_TEXT("]}\n"));
    print(sb_text_of(&output));
    return 0;
}
