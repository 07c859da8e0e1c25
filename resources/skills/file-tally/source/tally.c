// file_tally: {"path": "notes.txt"} → {"bytes": 12, "words": 2, "lines": 1, "words_before": 1}
// Reads the file through the gate (fs_read) and remembers the count of words in the skill's store (kv).
#define SB_HOST
#define SB_BLOCK (24u << 20)
#include "../../sdk/signalbox.h"

static void write_number(sb_output *output, unsigned number)
{
    char digits[10];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0) {
        sb_put(output, digits[--count]);
    }
}

static sb_packed failed(sb_text why)
{
    sb_output output = {0, 0, 0};
    sb_write(&output, SB_TEXT("{\"error\":"));
    sb_write_quoted(&output, why);
    sb_put(&output, '}');
    return sb_answer(&output);
}

__attribute__((export_name("execute"))) sb_packed execute(const char *input, sb_size length)
{
    const sb_text arguments = {input, length};
    const sb_text path = sb_member(arguments, SB_TEXT("path"));
    sb_text error = SB_TEXT("The path is missing.");
    if (path.length == 0) {
        return failed(error);
    }
    sb_output params = {0, 0, 0};
    sb_write(&params, SB_TEXT("{\"path\":"));
    sb_write(&params, path);
    sb_put(&params, '}');
    const sb_text answer = sb_ask(SB_TEXT("fs_read"), sb_text_of(&params), &error);
    if (answer.length == 0) {
        return failed(error);
    }
    const sb_text text = sb_unquoted(answer);

    unsigned words = 0;
    unsigned lines = 0;
    int inside = 0;
    for (sb_size i = 0; i < text.length; ++i) {
        const char c = text.bytes[i];
        const int blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        words += !blank && !inside;
        inside = !blank;
        lines += c == '\n';
    }
    lines += text.length > 0 && text.bytes[text.length - 1] != '\n';

    sb_output key = {0, 0, 0};
    sb_write(&key, SB_TEXT("{\"key\":"));
    sb_write(&key, path);
    sb_put(&key, '}');
    const sb_text before = sb_ask(SB_TEXT("kv_get"), sb_text_of(&key), &error);
    key.length -= 1;
    sb_write(&key, SB_TEXT(",\"value\":"));
    write_number(&key, words);
    sb_put(&key, '}');
    sb_ask(SB_TEXT("kv_set"), sb_text_of(&key), &error);

    sb_output output = {0, 0, 0};
    sb_write(&output, SB_TEXT("{\"bytes\":"));
    write_number(&output, text.length);
    sb_write(&output, SB_TEXT(",\"words\":"));
    write_number(&output, words);
    sb_write(&output, SB_TEXT(",\"lines\":"));
    write_number(&output, lines);
    sb_write(&output, SB_TEXT(",\"words_before\":"));
    sb_write(&output, before.length > 0 ? before : SB_TEXT("null"));
    sb_put(&output, '}');
    return sb_answer(&output);
}
