#include "core/policy/Shell.h"

#include "core/policy/Glob.h"

using namespace Qt::StringLiterals;

namespace sb::policy {

namespace {

QStringList listed(QStringView names)
{
    return names.toString().split(u' ');
}

bool isReserved(QStringView word)
{
    static const QStringList names =
        listed(u"! if then else elif fi do done while for case esac in until select "
               "function coproc time [[ ]] { }");
    return names.contains(word);
}

bool isNameStart(QChar c)
{
    return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') || c == u'_';
}

bool isDigit(QChar c)
{
    return c >= u'0' && c <= u'9';
}

bool isAssignment(QStringView word)
{
    qsizetype i = 0;
    while (i < word.size() && (isNameStart(word[i]) || (i > 0 && isDigit(word[i])))) {
        ++i;
    }
    if (i == 0 || i == word.size()) {
        return false;
    }
    return word[i] == u'=' || word[i] == u'[' ||
           (word[i] == u'+' && word.mid(i + 1).startsWith(u'='));
}

bool isNumber(QStringView word)
{
    return !word.isEmpty() && std::ranges::all_of(word, isDigit);
}

QString quoted(const QString& word)
{
    const bool plain = !word.isEmpty() && std::ranges::all_of(word, [](QChar c) {
        return c.unicode() > 0x20 && c.unicode() < 0xFFFE && !u"'\"\\$`;&|<>(){}#"_s.contains(c);
    });
    if (plain) {
        return word;
    }
    QString inside = word;
    return u'\'' + inside.replace(u'\'', u"'\\''"_s) + u'\'';
}

// Where the parenthesis that was opened before `from` closes; -1 when it does not.
qsizetype closing(QStringView s, qsizetype from)
{
    int depth = 1;
    for (qsizetype i = from; i < s.size(); ++i) {
        const QChar c = s[i];
        if (c == u'\\') {
            ++i;
        } else if (c == u'\'') {
            i = s.indexOf(u'\'', i + 1);
            if (i < 0) {
                return -1;
            }
        } else if (c == u'"') {
            for (++i; i < s.size() && s[i] != u'"'; ++i) {
                i += s[i] == u'\\' ? 1 : 0;
            }
        } else if (c == u'(') {
            ++depth;
        } else if (c == u')' && --depth == 0) {
            return i;
        }
    }
    return -1;
}

class Reader
{
public:
    explicit Reader(const QString& line) : m_text(line) {}

    ShellLine read()
    {
        if (m_text.size() > maxShellLine) {
            doubt(u"more than 64 KiB"_s);
            m_line.commands.append({m_text.left(200), {QString(anyWords)}, {}});
            return std::move(m_line);
        }
        for (const QChar c : m_text) {
            if ((c.unicode() < 0x20 && c != u'\n' && c != u'\t') || c.unicode() == 0x7F ||
                c.unicode() >= 0xFFFE) {
                doubt(u"a control character"_s);
            }
        }
        m_text.replace(anyRun, QChar::ReplacementCharacter);
        m_text.replace(anyWords, QChar::ReplacementCharacter);
        while (m_at < m_text.size()) {
            step();
        }
        endCommand();
        if (!m_documents.isEmpty()) {
            doubt(u"a here-document without an end"_s);
        }
        return std::move(m_line);
    }

private:
    void doubt(const QString& what)
    {
        if (!m_line.doubts.contains(what)) {
            m_line.doubts.append(what);
        }
    }

    void step()
    {
        const QChar c = m_text[m_at];
        switch (c.unicode()) {
        case u' ':
        case u'\t':
            endWord();
            ++m_at;
            return;
        case u'\n':
            endCommand();
            ++m_at;
            readDocuments();
            m_start = m_at;
            return;
        case u'&':
            if (peek(1) == u'>') {
                endWord();
                m_at += peek(2) == u'>' ? 3 : 2;
                m_redirect = u"&>"_s;
                return;
            }
            [[fallthrough]];
        case u';':
        case u'|':
            endCommand();
            ++m_at;
            m_start = m_at;
            return;
        case u'(':
        case u')':
            doubt(u"a subshell or a function"_s);
            m_depth = std::max(0, m_depth + (c == u'(' ? 1 : -1));
            endCommand();
            ++m_at;
            m_start = m_at;
            return;
        case u'#':
            if (!m_inWord) {
                endCommand();
                m_at = m_text.indexOf(u'\n', m_at);
                m_at = m_at < 0 ? m_text.size() : m_at;
                m_start = m_at;
                return;
            }
            break;
        case u'\\':
            escape();
            return;
        case u'\'':
            singleQuotes();
            return;
        case u'"':
            doubleQuotes();
            return;
        case u'`':
            backticks(anyWords);
            return;
        case u'$':
            dollar(anyWords);
            return;
        case u'<':
        case u'>':
            redirection();
            return;
        case u'{':
        case u'}':
            brace();
            return;
        case u'*':
        case u'?':
        case u'[':
            glob();
            return;
        default:
            break;
        }
        put(c);
        ++m_at;
    }

    [[nodiscard]] QChar peek(qsizetype ahead) const
    {
        return m_at + ahead < m_text.size() ? m_text[m_at + ahead] : QChar();
    }

    void put(QChar c)
    {
        m_inWord = true;
        m_word += c;
        m_spelt += c;
    }

    void putUnknown(QChar mark, QStringView spelt)
    {
        m_inWord = true;
        m_word += mark;
        m_spelt += spelt;
    }

    void escape()
    {
        if (m_at + 1 >= m_text.size()) {
            doubt(u"a backslash at the end"_s);
            ++m_at;
            return;
        }
        if (peek(1) == u'\n') {
            doubt(u"a continued line"_s);
        } else {
            put(peek(1));
            m_quoted = true;
        }
        m_at += 2;
    }

    void singleQuotes()
    {
        m_inWord = true;
        m_quoted = true;
        auto end = m_text.indexOf(u'\'', m_at + 1);
        if (end < 0) {
            doubt(u"a quote that does not end"_s);
            end = m_text.size();
        }
        for (const QChar c : QStringView(m_text).sliced(m_at + 1, end - m_at - 1)) {
            put(c);
        }
        m_at = end + 1;
    }

    void doubleQuotes()
    {
        m_inWord = true;
        m_quoted = true;
        ++m_at;
        while (m_at < m_text.size()) {
            const QChar c = m_text[m_at];
            if (c == u'"') {
                ++m_at;
                return;
            }
            if (c == u'$') {
                dollar(anyRun);
            } else if (c == u'`') {
                backticks(anyRun);
            } else if (c == u'\\' && u"$`\"\\"_s.contains(peek(1)) && !peek(1).isNull()) {
                put(peek(1));
                m_at += 2;
            } else if (c == u'\\' && peek(1) == u'\n') {
                doubt(u"a continued line"_s);
                m_at += 2;
            } else {
                put(c);
                ++m_at;
            }
        }
        doubt(u"a quote that does not end"_s);
    }

    void backticks(QChar mark)
    {
        doubt(u"a command substitution"_s);
        QString inside;
        qsizetype i = m_at + 1;
        for (; i < m_text.size() && m_text[i] != u'`'; ++i) {
            if (m_text[i] == u'\\' && i + 1 < m_text.size() &&
                u"`\\$\""_s.contains(m_text[i + 1])) {
                ++i;
            }
            inside += m_text[i];
        }
        m_line.hidden.append(inside);
        putUnknown(mark, QStringView(m_text).sliced(m_at, std::min(i + 1, m_text.size()) - m_at));
        m_at = i + 1;
    }

    void substitution(QChar mark, qsizetype open)
    {
        doubt(u"a command substitution"_s);
        const auto end = closing(m_text, open + 1);
        const auto stop = end < 0 ? m_text.size() : end;
        m_line.hidden.append(m_text.sliced(open + 1, stop - open - 1));
        const auto after = std::min(stop + 1, m_text.size());
        putUnknown(mark, QStringView(m_text).sliced(m_at, after - m_at));
        m_at = after;
    }

    void dollar(QChar mark)
    {
        const QChar next = peek(1);
        if (next == u'(') {
            substitution(mark, m_at + 1);
            return;
        }
        if (next == u'{') {
            doubt(u"a variable"_s);
            int depth = 1;
            qsizetype i = m_at + 2;
            for (; i < m_text.size() && depth > 0; ++i) {
                depth += m_text[i] == u'{' ? 1 : m_text[i] == u'}' ? -1 : 0;
            }
            m_line.hidden.append(m_text.sliced(m_at + 2, i - m_at - 2).remove(u'}'));
            putUnknown(mark, QStringView(m_text).sliced(m_at, i - m_at));
            m_at = i;
            return;
        }
        if (mark == anyWords && next == u'\'') {
            doubt(u"a quote with escapes"_s);
            qsizetype i = m_at + 2;
            bool escapes = false;
            for (; i < m_text.size() && m_text[i] != u'\''; ++i) {
                if (m_text[i] == u'\\') {
                    escapes = true;
                    ++i;
                }
            }
            i = std::min(i, m_text.size());
            const auto inside =
                QStringView(m_text).sliced(m_at + 2, std::max<qsizetype>(0, i - m_at - 2));
            if (escapes) {
                putUnknown(anyWords, inside);
            } else {
                m_inWord = true;
                m_word += inside;
                m_spelt += inside;
            }
            m_at = std::min(i + 1, m_text.size());
            return;
        }
        if (mark == anyWords && next == u'"') {
            doubt(u"a translated quote"_s);
            ++m_at;
            return;
        }
        if (isNameStart(next)) {
            doubt(u"a variable"_s);
            qsizetype i = m_at + 1;
            while (i < m_text.size() && (isNameStart(m_text[i]) || isDigit(m_text[i]))) {
                ++i;
            }
            putUnknown(mark, QStringView(m_text).sliced(m_at, i - m_at));
            m_at = i;
            return;
        }
        if (isDigit(next) || (!next.isNull() && u"@*#?-$!["_s.contains(next))) {
            doubt(u"a variable"_s);
            putUnknown(mark, QStringView(m_text).sliced(m_at, 2));
            m_at += 2;
            return;
        }
        put(u'$');
        ++m_at;
    }

    void redirection()
    {
        if (peek(1) == u'(') {
            substitution(anyWords, m_at + 1);
            return;
        }
        if (m_inWord && !m_quoted && m_redirect.isEmpty() && isNumber(m_word)) {
            m_inWord = false; // the number of a descriptor, not a word
            m_word.clear();
            m_spelt.clear();
        }
        endWord();
        static const QStringList operators{u"<<<"_s,
                                           u"<<-"_s,
                                           u"<<"_s,
                                           u"<&"_s,
                                           u"<>"_s,
                                           u">>"_s,
                                           u">&"_s,
                                           u">|"_s,
                                           u"<"_s,
                                           u">"_s};
        for (const QString& op : operators) {
            if (QStringView(m_text).sliced(m_at).startsWith(op)) {
                m_redirect = op;
                m_redirectDepth = m_depth;
                m_at += op.size();
                return;
            }
        }
    }

    void brace()
    {
        doubt(u"braces"_s);
        const bool alone = !m_inWord && (peek(1).isNull() || u" \t\n;"_s.contains(peek(1)));
        if (m_text[m_at] == u'{' && !alone) {
            // An expansion makes words of its own: {git,push}.
            putUnknown(anyWords, u"{");
            qsizetype i = m_at + 1;
            while (i < m_text.size() && m_text[i] != u'}' &&
                   !u" \t\n;&|<>()\"'`$\\"_s.contains(m_text[i])) {
                m_spelt += m_text[i++];
            }
            m_at = i;
            return;
        }
        put(m_text[m_at++]);
        if (alone) {
            endWord();
        }
    }

    void glob()
    {
        if (m_text[m_at] == u'[' && !m_inWord && (peek(1) == u' ' || peek(1) == u'[')) {
            put(m_text[m_at++]); // the test command
            return;
        }
        if (m_words.isEmpty() && m_redirect.isEmpty()) {
            doubt(u"a pattern in the program's name"_s);
        }
        qsizetype length = 1;
        if (m_text[m_at] == u'[') {
            const auto end = m_text.indexOf(u']', m_at + 2);
            const auto blank = m_text.indexOf(u' ', m_at);
            length = end > 0 && (blank < 0 || end < blank) ? end + 1 - m_at : 1;
            if (QStringView(m_text).sliced(m_at, length).contains(u'\n')) {
                length = 1;
            }
            if (length > 1) {
                for (const QChar c : QStringView(m_text).sliced(m_at, length)) {
                    if (u"$`'\"\\;&|<>(){}"_s.contains(c)) {
                        length = 1; // not a plain set: read on character by character
                        break;
                    }
                }
            }
        }
        putUnknown(anyWords, QStringView(m_text).sliced(m_at, length));
        m_at += length;
    }

    void endWord()
    {
        if (!m_inWord) {
            return;
        }
        if (m_redirect.isEmpty()) {
            m_words.append(m_word);
            m_spelling.append(m_spelt);
        } else {
            target();
        }
        m_word.clear();
        m_spelt.clear();
        m_inWord = false;
        m_quoted = false;
        m_wordEnd = std::min(m_at, m_text.size());
    }

    void target()
    {
        const QString op = std::exchange(m_redirect, QString());
        if (op == "<<"_L1 || op == "<<-"_L1) {
            doubt(u"a here-document"_s);
            m_documents.append({m_spelt, op == "<<-"_L1, m_redirectDepth > 0});
            return;
        }
        if (op == "<<<"_L1) {
            doubt(u"a here-string"_s);
            m_line.hidden.append(m_word);
            return;
        }
        const bool duplicate =
            (op == ">&"_L1 || op == "<&"_L1) && (isNumber(m_word) || m_word == "-"_L1);
        if (!duplicate && m_word != "/dev/null"_L1) {
            doubt(u"a redirection"_s);
            m_line.targets.append(m_spelt);
        }
    }

    void readDocuments()
    {
        for (const auto& [delimiter, tabs, inside] : std::exchange(m_documents, {})) {
            QStringList body;
            while (m_at < m_text.size()) {
                auto end = m_text.indexOf(u'\n', m_at);
                end = end < 0 ? m_text.size() : end;
                QString line = m_text.sliced(m_at, end - m_at);
                m_at = std::min(end + 1, m_text.size());
                while (tabs && line.startsWith(u'\t')) {
                    line.remove(0, 1);
                }
                if (line == delimiter) {
                    break;
                }
                body.append(line);
            }
            // A document is data, unless something on the line may run it, or what looked like one
            // was a shift inside ((…)), or it holds substitutions of its own.
            const bool runs =
                inside || std::ranges::any_of(m_line.commands, [](const ShellCommand& command) {
                    return std::ranges::any_of(command.words, [](const QString& word) {
                        const QString name = word.mid(word.lastIndexOf(u'/') + 1);
                        return isShell(name) || isWrapper(name) || name.contains(anyWords) ||
                               name.contains(anyRun);
                    });
                });
            for (const QString& line : std::as_const(body)) {
                if (runs || line.contains(u'`') || line.contains("$("_L1)) {
                    m_line.hidden.append(runs ? body.join(u'\n')
                                              : substitutionsOf(body.join(u'\n')));
                    break;
                }
            }
        }
    }

    // Only what stands in $(…) or `…`, as commands of their own.
    static QString substitutionsOf(const QString& text)
    {
        QStringList inside;
        for (qsizetype i = 0; i < text.size(); ++i) {
            if (text[i] == u'\\') {
                ++i;
            } else if (text[i] == u'`') {
                const auto end = text.indexOf(u'`', i + 1);
                const auto stop = end < 0 ? text.size() : end;
                inside.append(text.sliced(i + 1, stop - i - 1));
                i = stop;
            } else if (text[i] == u'$' && i + 1 < text.size() && text[i + 1] == u'(') {
                const auto end = closing(text, i + 2);
                const auto stop = end < 0 ? text.size() : end;
                inside.append(text.sliced(i + 2, stop - i - 2));
                i = stop;
            }
        }
        return inside.join(u'\n');
    }

    void endCommand()
    {
        endWord();
        if (!m_redirect.isEmpty()) {
            doubt(u"a redirection"_s);
            m_redirect.clear();
        }
        if (!m_words.isEmpty()) {
            // Not trimmed(): an escaped blank at the end belongs to the command, and other blanks
            // than these two do not separate words for a shell.
            while (m_start < m_wordEnd && (m_text[m_start] == u' ' || m_text[m_start] == u'\t')) {
                ++m_start;
            }
            const QString raw = m_text.sliced(m_start, std::max(m_start, m_wordEnd) - m_start);
            QStringList spelling;
            spelling.reserve(m_spelling.size());
            for (const QString& word : std::as_const(m_spelling)) {
                spelling.append(quoted(word));
            }
            judge(m_words);
            m_line.commands.append({raw, m_words, spelling.join(u' ')});
        }
        m_words.clear();
        m_spelling.clear();
    }

    // What makes even a plainly written command one that runs something else.
    void judge(const QStringList& words)
    {
        const QString& first = words.first();
        if (isAssignment(first)) {
            doubt(u"an assignment"_s);
            return;
        }
        if (isReserved(first)) {
            doubt(u"a shell keyword"_s);
            return;
        }
        const QString name = first.mid(first.lastIndexOf(u'/') + 1);
        if (isWrapper(name)) {
            doubt(u"a program that runs another (%1)"_s.arg(name));
        }
        if (isShell(name)) {
            bool script = false;
            bool plain = true;
            for (qsizetype i = 1; i < words.size() && !script; ++i) {
                const QString& word = words[i];
                script = !word.startsWith(u'-') && !word.startsWith(u'+');
                plain = plain && (script || (!word.startsWith("--"_L1) && !word.contains(u'c') &&
                                             !word.contains(u's')));
            }
            if (!script || !plain) {
                doubt(u"a program that runs another (%1)"_s.arg(name));
            }
        }
        if (name == "find"_L1 || name == "fd"_L1 || name == "fdfind"_L1) {
            static const QStringList starting =
                listed(u"-exec -execdir -ok -okdir -x -X --exec --exec-batch");
            for (const QString& word : words) {
                if (starting.contains(word)) {
                    doubt(u"a program that runs another (%1)"_s.arg(name));
                }
            }
        }
    }

    struct Document
    {
        QString delimiter;
        bool tabs = false;
        bool inside = false; // parentheses: it may be a shift in ((…))
    };
    QString m_text;
    qsizetype m_at = 0;
    qsizetype m_start = 0;   // of the command
    qsizetype m_wordEnd = 0; // of the last word that ended
    int m_depth = 0;
    QString m_word;  // with marks
    QString m_spelt; // with the characters themselves
    bool m_inWord = false;
    bool m_quoted = false;
    QString m_redirect;
    int m_redirectDepth = 0;
    QStringList m_words;
    QStringList m_spelling;
    QList<Document> m_documents;
    ShellLine m_line;
};

} // namespace

bool isWrapper(QStringView program)
{
    static const QStringList names =
        listed(u"env nohup nice ionice time timeout sudo doas su runuser setsid stdbuf "
               "xargs parallel eval exec command builtin source . trap watch chroot "
               "unshare nsenter setpriv script strace ltrace gdb ssh busybox toybox "
               "flock chrt taskset prlimit unbuffer expect at batch crontab alias "
               "bwrap firejail start-stop-daemon systemd-run pkexec dbus-run-session "
               "xvfb-run entr setarch catchsegv");
    return names.contains(program);
}

bool isShell(QStringView program)
{
    static const QStringList names =
        listed(u"sh bash dash zsh ksh mksh ash fish rbash csh tcsh pwsh nu");
    return names.contains(program);
}

ShellLine readShell(const QString& line)
{
    return Reader(line).read();
}

} // namespace sb::policy
