#include "core/policy/Glob.h"
#include "core/policy/Shell.h"

#include <QSet>

using namespace Qt::StringLiterals;

namespace sb::policy {

namespace {

constexpr int maxDepth = 6;
constexpr qsizetype maxTexts = 4000;
constexpr qsizetype maxTextBytes = 4 << 20;
constexpr qsizetype maxSuffixes = 40;

bool isKeyword(const QString& word)
{
    static const QSet<QString> words{u"!"_s,
                                     u"if"_s,
                                     u"then"_s,
                                     u"else"_s,
                                     u"elif"_s,
                                     u"do"_s,
                                     u"while"_s,
                                     u"until"_s,
                                     u"coproc"_s,
                                     u"time"_s,
                                     u"{"_s,
                                     u"case"_s,
                                     u"for"_s,
                                     u"in"_s,
                                     u"function"_s};
    return words.contains(word);
}

bool isAssignment(const QString& word)
{
    const auto equals = word.indexOf(u'=');
    return equals > 0 && (word[0].isLetter() || word[0] == u'_') &&
           !word.first(equals).contains(u'/') && !word.first(equals).contains(u'-');
}

// Options of git in front of its verb that take no word of their own.
bool takesNoValue(const QString& program, const QString& option)
{
    static const QSet<QString> git{u"-p"_s,
                                   u"-P"_s,
                                   u"--paginate"_s,
                                   u"--no-pager"_s,
                                   u"--bare"_s,
                                   u"--no-optional-locks"_s,
                                   u"--literal-pathspecs"_s,
                                   u"--glob-pathspecs"_s,
                                   u"--no-replace-objects"_s,
                                   u"--no-lazy-fetch"_s,
                                   u"--no-advice"_s};
    return option.contains(u'=') || (program == "git"_L1 && git.contains(option));
}

class Collector
{
public:
    ShellReach collect(const ShellLine& line)
    {
        take(line, 0);
        return std::move(m_reach);
    }

private:
    void take(const ShellLine& line, int depth)
    {
        if (depth > maxDepth || m_reach.tooMuch) {
            m_reach.tooMuch = true;
            return;
        }
        const bool fed = std::ranges::any_of(line.commands, [](const ShellCommand& command) {
            const QString& first = command.words.first();
            const QString name = first.mid(first.lastIndexOf(u'/') + 1);
            return isShell(name) || isWrapper(name) || name.contains(anyWords) ||
                   name.contains(anyRun);
        });
        for (const ShellCommand& command : line.commands) {
            text(command.raw);
            // Words that one command prints may be another's program: echo git push | sh.
            program(command.words, depth, fed);
        }
        for (const QString& inside : line.hidden) {
            take(readShell(inside), depth + 1);
        }
    }

    void text(const QString& value)
    {
        if (m_seen.contains(value)) {
            return;
        }
        m_bytes += value.size();
        if (m_reach.texts.size() >= maxTexts || m_bytes > maxTextBytes) {
            m_reach.tooMuch = true;
            return;
        }
        m_seen.insert(value);
        m_reach.texts.append(value);
    }

    void program(QStringList words, int depth, bool fed)
    {
        if (m_reach.tooMuch) {
            return; // it fails closed already; no more work for it
        }
        text(words.join(u' '));
        while (!words.isEmpty() && (isAssignment(words.first()) || isKeyword(words.first()))) {
            words.removeFirst();
        }
        if (words.isEmpty()) {
            return;
        }
        simple(words);
        QString name = words.first();
        name = name.mid(name.lastIndexOf(u'/') + 1);
        const bool starts =
            isWrapper(name) || isShell(name) || name == "find"_L1 || name.startsWith("fd"_L1);
        if (!starts && !fed) {
            return;
        }
        if (words.size() - 1 > maxSuffixes && isWrapper(name)) {
            m_reach.tooMuch = true;
        }
        const bool open = name == "xargs"_L1 || name == "parallel"_L1;
        for (qsizetype i = 1; i < std::min(words.size(), maxSuffixes + 1); ++i) {
            QStringList rest = words.sliced(i);
            if (open) {
                rest.append(QString(anyWords)); // what it reads follows
            }
            if (!rest.first().startsWith(u'-')) {
                simple(rest);
            }
        }
        for (qsizetype i = 1; i < words.size(); ++i) {
            static const QString telling = u" \t\n;&|'\"\\$`(<>"_s;
            if (!std::ranges::any_of(words[i], [](QChar c) { return telling.contains(c); })) {
                continue;
            }
            take(readShell(words[i]), depth + 1);
            if (words[i].startsWith(u'-')) {
                // An option with its value glued on: env -S"git push", --command='git push'.
                const auto equals = words[i].indexOf(u'=');
                take(readShell(words[i].mid(2)), depth + 1);
                take(readShell(words[i].mid(equals + 1)), depth + 1);
            }
        }
    }

    // One command in the spellings that rules are written in: without the program's folder, and
    // without the options that stand before its verb (git -C elsewhere push).
    void simple(QStringList words)
    {
        text(words.join(u' '));
        QString& first = words.first();
        first = first.mid(first.lastIndexOf(u'/') + 1);
        text(words.join(u' '));
        m_reach.commands.append(words);
        bool mayBeValue = false;
        for (qsizetype i = 1; i < std::min(words.size(), maxSuffixes); ++i) {
            const bool option = words[i].startsWith(u'-');
            if (!option && i > 1) {
                text(first + u' ' + words.sliced(i).join(u' '));
            }
            if (!option && !mayBeValue) {
                return;
            }
            mayBeValue = option && !takesNoValue(first, words[i]);
        }
        if (words.size() > maxSuffixes) {
            m_reach.tooMuch =
                true; // the verb may stand behind more options than were looked through
        }
    }

    ShellReach m_reach;
    QSet<QString> m_seen;
    qsizetype m_bytes = 0;
};

} // namespace

ShellReach reachOf(const ShellLine& line)
{
    return Collector().collect(line);
}

} // namespace sb::policy
