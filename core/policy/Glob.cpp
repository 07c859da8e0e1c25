#include "core/policy/Glob.h"

#include <vector>

namespace sb::policy {

namespace {

// The usual two-pointer match: only the last star is ever taken up again.
bool matchesPlain(QStringView pattern, QStringView text)
{
    qsizetype p = 0;
    qsizetype t = 0;
    qsizetype star = -1;
    qsizetype resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == u'*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == u'?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star >= 0) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == u'*') {
        ++p;
    }
    return p == pattern.size();
}

// Every place of the pattern that can be reached after each character of the text.
bool matchesUnknown(QStringView pattern, QStringView text)
{
    const auto size = size_t(pattern.size());
    std::vector<char> now(size + 1, 0);
    std::vector<char> next(size + 1, 0);
    const auto passStars = [&](std::vector<char>& places) {
        for (size_t i = 0; i < size; ++i) {
            if (places[i] && pattern[qsizetype(i)] == u'*') {
                places[i + 1] = 1;
            }
        }
    };
    now[0] = 1;
    passStars(now);
    for (const QChar c : text) {
        std::ranges::fill(next, 0);
        bool any = false;
        if (c == anyRun || c == anyWords) {
            // It may stand for nothing, or for what the pattern wants next.
            bool reached = false;
            for (size_t i = 0; i <= size; ++i) {
                reached = reached || now[i];
                next[i] = reached;
                any = any || reached;
                if (i < size && c == anyRun && pattern[qsizetype(i)] == u' ') {
                    reached = false;
                }
            }
        } else {
            for (size_t i = 0; i < size; ++i) {
                if (!now[i]) {
                    continue;
                }
                const QChar wanted = pattern[qsizetype(i)];
                if (wanted == u'*') {
                    next[i] = 1;
                    any = true;
                } else if (wanted == u'?' || wanted == c) {
                    next[i + 1] = 1;
                    any = true;
                }
            }
        }
        if (!any) {
            return false;
        }
        now.swap(next);
        passStars(now);
    }
    return now[size] != 0;
}

} // namespace

bool globMatches(QStringView pattern, QStringView text)
{
    if (text.contains(anyRun) || text.contains(anyWords)) {
        return matchesUnknown(pattern, text);
    }
    return matchesPlain(pattern, text);
}

} // namespace sb::policy
