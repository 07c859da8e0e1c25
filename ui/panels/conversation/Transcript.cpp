#include "ui/panels/conversation/Transcript.h"

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ItemKind;
using protocol::TranscriptItem;

namespace {

constexpr qsizetype maximumStream =
    1'000'000; // characters of one reply that are shown while it is written

} // namespace

Transcript::Transcript(QString agent, QString channel, QObject* parent)
    : QObject(parent), m_agent(std::move(agent)), m_channel(std::move(channel))
{
}

int Transcript::indexOf(const QString& itemId) const
{
    // What changes is nearly always near the end.
    for (int i = count() - 1; i >= 0; --i) {
        if (m_rows.at(i).item.id == itemId) {
            return i;
        }
    }
    return -1;
}

int Transcript::indexOfSeq(qint64 seq) const
{
    for (int i = count() - 1; i >= 0; --i) {
        if (m_rows.at(i).item.seq == seq) {
            return i;
        }
    }
    return -1;
}

qint64 Transcript::firstSeq() const
{
    qint64 first = 0;
    for (const Row& row : m_rows) {
        if (!row.child && !row.streaming) {
            first = row.item.seq;
            break;
        }
    }
    return first;
}

bool Transcript::isStreaming() const
{
    return !m_rows.isEmpty() && m_rows.last().streaming;
}

void Transcript::setDurations(std::function<qint64(const QString& process)> durations)
{
    m_durations = std::move(durations);
}

qint64 Transcript::durationOf(const TranscriptItem& item) const
{
    return item.kind == ItemKind::Delegate && m_durations ? m_durations(item.process) : 0;
}

void Transcript::processEnded(const QString& process)
{
    for (int i = count() - 1; i >= 0; --i) {
        Row& row = m_rows[i];
        if (row.item.kind != ItemKind::Delegate || row.item.process != process) {
            continue;
        }
        if (const qint64 duration = durationOf(row.item); duration != row.duration) {
            row.duration = duration;
            Q_EMIT changed(i);
        }
        return;
    }
}

Transcript::Row Transcript::makeRow(const TranscriptItem& item) const
{
    Row row;
    row.item = item;
    row.duration = durationOf(item);
    if (!item.parentItem.isEmpty()) {
        const int parent = indexOf(item.parentItem);
        row.child = parent >= 0;
        row.hidden = parent >= 0 && !m_rows.at(parent).open;
    }
    return row;
}

int Transcript::placeOf(const TranscriptItem& item) const
{
    const int parent = item.parentItem.isEmpty() ? -1 : indexOf(item.parentItem);
    if (parent >= 0) {
        int place = parent + 1;
        while (place < count() && m_rows.at(place).child &&
               m_rows.at(place).item.parentItem == item.parentItem &&
               m_rows.at(place).item.seq < item.seq) {
            ++place;
        }
        return place;
    }
    int place = count();
    while (place > 0) {
        const Row& before = m_rows.at(place - 1);
        // Children stand where their parent does, whatever their own seq is.
        if (!before.streaming && !before.child && before.item.seq < item.seq) {
            break;
        }
        --place;
    }
    while (place < count() && m_rows.at(place).child) {
        ++place;
    }
    return place;
}

void Transcript::addPage(const QList<TranscriptItem>& items, bool older)
{
    m_older = older;
    m_loaded = true;
    // Parents first, so that their children find them.
    QList<Row> rows;
    QHash<QString, qsizetype> known;
    for (const Row& row : std::as_const(m_rows)) {
        known.insert(row.item.id, 0);
    }
    QList<TranscriptItem> fresh;
    for (const TranscriptItem& item : items) {
        if (!known.contains(item.id)) {
            fresh.append(item);
        }
    }
    const bool prepends = m_rows.isEmpty() || fresh.isEmpty() || fresh.last().seq < firstSeq();
    const bool orphans = std::ranges::any_of(
        m_rows, [](const Row& row) { return !row.child && !row.item.parentItem.isEmpty(); });
    if (!prepends || orphans) {
        // Rare: something arrived while the page was on its way, or a page was cut below a
        // delegate.
        QList<Row> old = std::exchange(m_rows, {});
        QList<TranscriptItem> all = fresh;
        QHash<QString, bool> open;
        Row streaming;
        for (const Row& row : old) {
            if (row.streaming) {
                streaming = row;
            } else {
                all.append(row.item);
                open.insert(row.item.id, row.open);
            }
        }
        std::ranges::stable_sort(all, {}, &TranscriptItem::seq);
        for (const TranscriptItem& item : all) {
            Row row = makeRow(item);
            row.open = open.value(item.id);
            m_rows.insert(placeOf(item), row);
        }
        if (streaming.streaming) {
            m_rows.append(streaming);
        }
        Q_EMIT reset();
        return;
    }
    QHash<QString, QList<Row>> children;
    QHash<QString, bool> parents;
    for (const TranscriptItem& item : fresh) {
        if (item.kind == ItemKind::Delegate) {
            parents.insert(item.id, true);
        }
    }
    for (const TranscriptItem& item : fresh) {
        if (!item.parentItem.isEmpty() && parents.contains(item.parentItem)) {
            Row row{item};
            row.child = true;
            row.hidden = true;
            children[item.parentItem].append(row);
        }
    }
    for (const TranscriptItem& item : fresh) {
        if (!item.parentItem.isEmpty() && parents.contains(item.parentItem)) {
            continue;
        }
        Row row{item};
        row.duration = durationOf(item);
        rows.append(row);
        if (item.kind == ItemKind::Delegate) {
            rows += children.value(item.id);
        }
    }
    if (rows.isEmpty()) {
        Q_EMIT visibilityChanged();
        return;
    }
    m_rows = rows + m_rows;
    Q_EMIT inserted(0, int(rows.size()));
}

void Transcript::upsert(const TranscriptItem& item)
{
    // A failure that is told in the conversation ends the reply too.
    const bool ends =
        item.kind == ItemKind::Agent ||
        (item.kind == ItemKind::Notice && item.state == protocol::ProcessState::Failed);
    const int index = indexOf(item.id);
    if (index >= 0) {
        if (m_rows.at(index).item != item) {
            m_rows[index].item = item;
            m_rows[index].duration = durationOf(item);
            Q_EMIT changed(index);
        }
        return;
    }
    if (ends && isStreaming()) {
        if (item.kind == ItemKind::Agent && placeOf(item) == count() - 1) {
            // The finished message takes the place of what was written so far; its layout is likely
            // the same.
            m_rows.last() = makeRow(item);
            Q_EMIT changed(count() - 1);
            return;
        }
        endStream();
    }
    const int place = placeOf(item);
    m_rows.insert(place, makeRow(item));
    Q_EMIT inserted(place, 1);
}

void Transcript::stream(const QString& process, const QString& text)
{
    if (text.isEmpty()) {
        endStream();
        return;
    }
    if (!isStreaming()) {
        Row row;
        row.item.id = u"stream:"_s + process;
        row.item.kind = ItemKind::Agent;
        row.item.author = m_agent;
        row.item.process = process;
        row.item.state = protocol::ProcessState::Running;
        row.item.text = text;
        row.streaming = true;
        m_rows.append(row);
        Q_EMIT inserted(count() - 1, 1);
        return;
    }
    QString& all = m_rows.last().item.text;
    if (all.size() < maximumStream) {
        all += text;
        Q_EMIT streamed(count() - 1);
    }
}

void Transcript::endStream()
{
    if (isStreaming()) {
        m_rows.removeLast();
        Q_EMIT removed(count());
    }
}

void Transcript::setOpen(int index, bool open)
{
    Row& row = m_rows[index];
    if (row.open == open) {
        return;
    }
    row.open = open;
    bool any = false;
    for (int i = index + 1; i < count() && m_rows.at(i).child; ++i) {
        m_rows[i].hidden = !open;
        any = true;
    }
    Q_EMIT changed(index);
    if (any) {
        Q_EMIT visibilityChanged();
    }
}

void Transcript::clear()
{
    m_rows.clear();
    m_older = false;
    m_loaded = false;
    Q_EMIT reset();
}

} // namespace sb::panels
