// What a WebAssembly tool in C needs: texts, a little of JSON, and Signalbox itself. A tool that
// includes it with SB_HOST defined exports `alloc`, and writes execute(pointer, length); without,
// it is a WASI command. Memory is taken from one block and never given back: each call of a tool is
// an instance of its own.
#pragma once

typedef unsigned int sb_size;
typedef unsigned long long sb_packed;

typedef struct
{
    const char* bytes;
    sb_size length;
} sb_text;

#define SB_TEXT(literal) ((sb_text){literal, sizeof(literal) - 1})

static char sb_block[SB_BLOCK];
static sb_size sb_used;

static void* sb_take(sb_size bytes)
{
    sb_size at = (sb_used + 7) & ~7u;
    if (bytes > SB_BLOCK || at > SB_BLOCK - bytes) {
        __builtin_trap(); // ends the call; there is nobody to tell
    }
    sb_used = at + bytes;
    return sb_block + at;
}

static int sb_equal(sb_text a, sb_text b)
{
    if (a.length != b.length) {
        return 0;
    }
    for (sb_size i = 0; i < a.length; ++i) {
        if (a.bytes[i] != b.bytes[i]) {
            return 0;
        }
    }
    return 1;
}

// A text under construction.
typedef struct
{
    char* bytes;
    sb_size length;
    sb_size room;
} sb_output;

static void sb_put(sb_output* output, char character)
{
    if (output->length == output->room) {
        sb_size room = output->room ? output->room * 2 : 256;
        char* bytes = sb_take(room);
        for (sb_size i = 0; i < output->length; ++i) {
            bytes[i] = output->bytes[i];
        }
        output->bytes = bytes;
        output->room = room;
    }
    output->bytes[output->length++] = character;
}

static void sb_write(sb_output* output, sb_text text)
{
    for (sb_size i = 0; i < text.length; ++i) {
        sb_put(output, text.bytes[i]);
    }
}

// As a JSON string, quotes and all.
static void sb_write_quoted(sb_output* output, sb_text text)
{
    static const char digits[] = "0123456789abcdef";
    sb_put(output, '"');
    for (sb_size i = 0; i < text.length; ++i) {
        unsigned char c = (unsigned char)text.bytes[i];
        if (c == '"' || c == '\\') {
            sb_put(output, '\\');
            sb_put(output, (char)c);
        } else if (c == '\n') {
            sb_write(output, SB_TEXT("\\n"));
        } else if (c < 0x20) {
            sb_write(output, SB_TEXT("\\u00"));
            sb_put(output, digits[c >> 4]);
            sb_put(output, digits[c & 15]);
        } else {
            sb_put(output, (char)c);
        }
    }
    sb_put(output, '"');
}

static sb_text sb_text_of(const sb_output* output)
{
    return (sb_text){output->bytes, output->length};
}

// Where a JSON value ends that begins at `at`; the text's length when it is cut off.
static sb_size sb_skip(sb_text json, sb_size at)
{
    int depth = 0;
    int quoted = 0;
    for (; at < json.length; ++at) {
        char c = json.bytes[at];
        if (quoted) {
            if (c == '\\') {
                ++at;
            } else if (c == '"') {
                quoted = 0;
                if (depth == 0) {
                    return at + 1;
                }
            }
        } else if (c == '"') {
            quoted = 1;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return at;
            }
            if (--depth == 0) {
                return at + 1;
            }
        } else if (depth == 0 && (c == ',' || c == ' ' || c == '\n')) {
            return at;
        }
    }
    return at < json.length ? at : json.length;
}

static sb_size sb_blank(sb_text json, sb_size at)
{
    while (at < json.length && (json.bytes[at] == ' ' || json.bytes[at] == '\n' ||
                                json.bytes[at] == '\t' || json.bytes[at] == '\r')) {
        ++at;
    }
    return at;
}

// The raw value under a key of an object; an empty text when there is none.
static sb_text sb_member(sb_text json, sb_text key)
{
    sb_size at = sb_blank(json, 0);
    if (at >= json.length || json.bytes[at] != '{') {
        return (sb_text){0, 0};
    }
    ++at;
    while (at < json.length) {
        at = sb_blank(json, at);
        sb_size end = sb_skip(json, at);
        if (end <= at + 1 || json.bytes[at] != '"') {
            break;
        }
        sb_text name = {json.bytes + at + 1, end - at - 2};
        at = sb_blank(json, end);
        if (at >= json.length || json.bytes[at] != ':') {
            break;
        }
        at = sb_blank(json, at + 1);
        end = sb_skip(json, at);
        if (sb_equal(name, key)) {
            return (sb_text){json.bytes + at, end - at};
        }
        at = sb_blank(json, end);
        if (at >= json.length || json.bytes[at] != ',') {
            break;
        }
        ++at;
    }
    return (sb_text){0, 0};
}

static unsigned sb_hex(const char* digits)
{
    unsigned value = 0;
    for (int i = 0; i < 4; ++i) {
        char c = digits[i];
        value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

// What a JSON string says, in UTF-8; an empty text for anything else.
static sb_text sb_unquoted(sb_text json)
{
    sb_output output = {0, 0, 0};
    if (json.length < 2 || json.bytes[0] != '"') {
        return (sb_text){0, 0};
    }
    for (sb_size i = 1; i + 1 < json.length; ++i) {
        char c = json.bytes[i];
        if (c != '\\') {
            sb_put(&output, c);
            continue;
        }
        c = json.bytes[++i];
        if (c == 'u' && i + 5 < json.length) {
            unsigned code = sb_hex(json.bytes + i + 1);
            i += 4;
            if (code >= 0xd800 && code < 0xdc00 &&
                i + 7 < json.length) { // a pair makes one character
                code = 0x10000 + ((code - 0xd800) << 10) + (sb_hex(json.bytes + i + 3) - 0xdc00);
                i += 6;
            }
            if (code >= 0x10000) {
                sb_put(&output, (char)(0xf0 | (code >> 18)));
                sb_put(&output, (char)(0x80 | ((code >> 12) & 63)));
            } else if (code >= 0x800) {
                sb_put(&output, (char)(0xe0 | (code >> 12)));
            }
            if (code >= 0x800) {
                sb_put(&output, (char)(0x80 | ((code >> 6) & 63)));
            } else if (code >= 0x80) {
                sb_put(&output, (char)(0xc0 | (code >> 6)));
            }
            sb_put(&output, (char)(code < 0x80 ? code : (0x80 | (code & 63))));
        } else {
            sb_put(&output,
                   c == 'n'   ? '\n'
                   : c == 't' ? '\t'
                   : c == 'r' ? '\r'
                   : c == 'b' ? '\b'
                   : c == 'f' ? '\f'
                              : c);
        }
    }
    return sb_text_of(&output);
}

#ifdef SB_HOST
__attribute__((import_module("signalbox"), import_name("host_call"))) sb_packed
sb_host_call(const char*, sb_size);

__attribute__((export_name("alloc"))) void* sb_alloc(sb_size bytes)
{
    return sb_take(bytes);
}

// {"method": …, "params": …} answered by the runtime. The value under "ok", or an empty text and
// the reason in `error`.
static sb_text sb_ask(sb_text method, sb_text params, sb_text* error)
{
    sb_output request = {0, 0, 0};
    sb_write(&request, SB_TEXT("{\"method\":"));
    sb_write_quoted(&request, method);
    sb_write(&request, SB_TEXT(",\"params\":"));
    sb_write(&request, params);
    sb_put(&request, '}');
    sb_packed packed = sb_host_call(request.bytes, request.length);
    sb_text answer = {(const char*)(sb_size)(packed >> 32), (sb_size)packed};
    sb_text ok = sb_member(answer, SB_TEXT("ok"));
    if (ok.length == 0) {
        *error = sb_unquoted(sb_member(answer, SB_TEXT("error")));
    }
    return ok;
}

static sb_packed sb_answer(const sb_output* output)
{
    return ((sb_packed)(sb_size)output->bytes << 32) | output->length;
}
#endif
