#include "core/memory/Bulletin.h"

#include "core/memory/MemoryRows.h"

#include <QCryptographicHash>
#include <array>

namespace sb::memory {

using protocol::MemoryInfo;
using protocol::MemoryType;
using protocol::Provenance;
using namespace Qt::StringLiterals;

namespace {

constexpr TimeUs minute = 60LL * 1'000'000;
constexpr TimeUs recent = 14LL * 24 * 60 * minute;
constexpr int mostCharacters = 160;
constexpr int mostWordsInLine = 40;

struct Section
{
    const char16_t* heading;
    std::array<MemoryType, 2> types;
};

constexpr std::array sections{
    Section{u"Identity", {MemoryType::Identity, MemoryType::Identity}},
    Section{u"Goals", {MemoryType::Goal, MemoryType::Goal}},
    Section{u"People", {MemoryType::Human, MemoryType::Human}},
    Section{u"Decisions", {MemoryType::Decision, MemoryType::Decision}},
    Section{u"Open todos", {MemoryType::Todo, MemoryType::Todo}},
    Section{u"Preferences", {MemoryType::Preference, MemoryType::Preference}},
    Section{u"Facts", {MemoryType::Fact, MemoryType::Fact}},
    Section{u"Recent", {MemoryType::Event, MemoryType::Observation}},
};

bool isWithoutSpaces(QChar::Script script)
{
    return script == QChar::Script_Han || script == QChar::Script_Hiragana ||
           script == QChar::Script_Katakana || script == QChar::Script_Thai ||
           script == QChar::Script_Lao || script == QChar::Script_Khmer ||
           script == QChar::Script_Myanmar;
}

/// Counts words while it walks through a text.
class WordCounter
{
public:
    void add(char32_t c)
    {
        if (QChar::isSpace(c)) {
            m_inWord = false;
        } else if (isWithoutSpaces(QChar::script(c))) {
            ++m_dense;
        } else if (!m_inWord) {
            m_inWord = true;
            ++m_words;
        }
    }
    [[nodiscard]] int count() const { return m_words + (m_dense + 1) / 2; }

private:
    int m_words = 0;
    int m_dense = 0;
    bool m_inWord = false;
};

/// A memory in one short line, so that it can neither fill the bulletin nor pass for a heading.
QString lineOf(const MemoryInfo& memory)
{
    QString prefix = u"- "_s;
    if (memory.type == MemoryType::Event || memory.type == MemoryType::Observation) {
        prefix +=
            timeText(memory.validFrom != 0 ? memory.validFrom : memory.createdAt).left(10) + u": ";
    }
    const auto characters = memory.content.simplified().toStdU32String();
    WordCounter counter;
    const qsizetype size = qsizetype(characters.size());
    qsizetype end = 0;
    qsizetype lastSpace = 0;
    while (end < size && end < mostCharacters) {
        counter.add(characters[size_t(end)]);
        if (counter.count() > mostWordsInLine) {
            break;
        }
        if (characters[size_t(end)] == u' ') {
            lastSpace = end;
        }
        ++end;
    }
    if (end == size) {
        return prefix + QString::fromUcs4(characters.data(), end);
    }
    // At a space where there is one not far back; else wherever it is.
    const qsizetype cut = lastSpace > end / 2 ? lastSpace : end;
    return prefix + QString::fromUcs4(characters.data(), cut).trimmed() + u'…';
}

struct Candidate
{
    MemoryInfo memory;
    double weight = 0;
};

/// Those that may stand in a bulletin, the weightiest first.
QList<Candidate> readCandidates(store::Connection& connection, TimeUs now)
{
    QList<Candidate> all;
    const QString agent = agentOf(connection);
    store::forEachRow(
        connection,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
        " WHERE m.known_to = 0 AND m.forgotten_at = 0 AND m.merged_into = '' AND m.content <> '' "
        "AND (m.promoted OR (m.provenance <> 'untrusted' AND m.suspicion = '')) "
        "AND (m.valid_from = 0 OR m.valid_from <= ?1) AND (m.valid_to = 0 OR m.valid_to > ?1) "
        // Facts are too many to be told unasked.
        "AND (m.type <> 'fact' OR m.pinned OR m.promoted) "
        "AND (m.type NOT IN ('event', 'observation') OR m.created_at >= ?2)",
        [&](SQLite::Statement& row) {
            MemoryInfo memory = infoFrom(row, agent);
            const double weight = weightAt(memory, now);
            all.append({std::move(memory), weight});
        },
        now,
        now - recent);
    std::ranges::sort(all, [](const Candidate& a, const Candidate& b) {
        return std::tuple(-a.weight, -a.memory.createdAt, a.memory.id) <
               std::tuple(-b.weight, -b.memory.createdAt, b.memory.id);
    });
    return all;
}

} // namespace

int wordsIn(const QString& text)
{
    WordCounter counter;
    for (const char32_t c : text.toUcs4()) {
        counter.add(c);
    }
    return counter.count();
}

Bulletin composeBulletin(store::Connection& connection, TimeUs now, int mostWords)
{
    std::array<QList<Candidate>, sections.size()> candidates;
    for (Candidate& candidate : readCandidates(connection, now - now % minute)) {
        for (size_t i = 0; i < sections.size(); ++i) {
            if (std::ranges::contains(sections[i].types, candidate.memory.type)) {
                candidates[i].append(std::move(candidate));
                break;
            }
        }
    }
    // Each section gives a line in turn, until nothing more fits: no section starves another.
    std::array<QStringList, sections.size()> lines;
    std::array<bool, sections.size()> isFull{};
    int words = 0;
    for (bool took = true; took;) {
        took = false;
        for (size_t i = 0; i < sections.size(); ++i) {
            if (isFull[i] || lines[i].size() == candidates[i].size()) {
                continue;
            }
            const QString line = lineOf(candidates[i][lines[i].size()].memory);
            const int more =
                wordsIn(line) +
                (lines[i].isEmpty() ? 1 + wordsIn(QString::fromUtf16(sections[i].heading)) : 0);
            if (words + more > mostWords) {
                isFull[i] = true;
                continue;
            }
            lines[i].append(line);
            words += more;
            took = true;
        }
    }
    Bulletin bulletin;
    QStringList blocks;
    for (size_t i = 0; i < sections.size(); ++i) {
        if (lines[i].isEmpty()) {
            continue;
        }
        blocks.append(u"## "_s + QString::fromUtf16(sections[i].heading) + u'\n' +
                      lines[i].join(u'\n'));
        for (qsizetype line = 0; line < lines[i].size(); ++line) {
            const QString& id = candidates[i][line].memory.id;
            bulletin.memories.append(id);
            bulletin.sources += readSources(connection, id);
        }
    }
    bulletin.text = blocks.join(u"\n\n"_s);
    bulletin.sources = taint::condensed(bulletin.sources);
    bulletin.digest = QString::fromLatin1(
        QCryptographicHash::hash((bulletin.text + u'\n' + bulletin.memories.join(u'\n')).toUtf8(),
                                 QCryptographicHash::Sha256)
            .toHex());
    return bulletin;
}

} // namespace sb::memory
