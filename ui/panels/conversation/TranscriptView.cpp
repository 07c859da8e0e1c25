#include "ui/panels/conversation/TranscriptView.h"

#include "ui/panels/conversation/TranscriptAccessible.h"
#include "ui/widgets/CodeHighlighter.h"

#include <QAccessible>
#include <QApplication>
#include <QPainter>
#include <QPushButton>
#include <QScrollBar>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

constexpr int keptLayouts = 240;
constexpr int bottomSpace = theme::space::group;

QString keyOf(const Transcript& transcript)
{
    return transcript.agent() + u'/' + transcript.channel();
}

bool countsAsNews(const Transcript::Row& row)
{
    using protocol::ItemKind;
    return !row.child && row.item.kind != ItemKind::User;
}

} // namespace

TranscriptView::TranscriptView(theme::Theme& theme, Clock& clock, QWidget* parent)
    : QAbstractScrollArea(parent)
    , m_theme(theme)
    , m_clock(clock)
    , m_highlighter(std::make_unique<widgets::CodeHighlighter>())
    , m_jump(new QPushButton(this))
{
    installTranscriptAccessibility();
    setAccessibleName(tr("Transcript"));
    connect(this, &TranscriptView::currentRowChanged, this, [this](int row) {
        if (QAccessible::isActive()) {
            QAccessibleEvent event(this, QAccessible::Focus);
            event.setChild(row);
            QAccessible::updateAccessibility(&event);
        }
    });
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    // Always there: were it to come and go, each change would lay out everything for another width.
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    viewport()->setMouseTracking(true);
    viewport()->setBackgroundRole(QPalette::Base);
    verticalScrollBar()->setAccessibleName(tr("Position in the transcript"));
    m_jump->hide();
    m_jump->setIcon(theme.icon(u"arrow-down"_s));
    m_jump->setToolTip(tr("Go to the newest message (End)"));
    connect(m_jump, &QPushButton::clicked, this, [this] {
        jumpToEnd();
        setFocus();
    });
    m_autoScroll.setInterval(30);
    connect(&m_autoScroll, &QTimer::timeout, this, [this] {
        const QPoint point = viewport()->mapFromGlobal(QCursor::pos());
        const int beyond =
            point.y() < 0 ? point.y() : std::max(0, point.y() - viewport()->height());
        if (beyond != 0) {
            verticalScrollBar()->setValue(verticalScrollBar()->value() + beyond / 2);
            setSelection(m_selectionFrom, placeAt(point));
        }
    });
    connect(&theme, &theme::Theme::changed, this, [this] {
        m_layouts.clear();
        m_uses.clear();
        rebuild();
    });
}

TranscriptView::~TranscriptView()
{
    // Layouts know the highlighter.
    m_layouts.clear();
}

RowLayout::Style TranscriptView::style() const
{
    return {m_theme, *m_highlighter, m_clock.nowUs()};
}

void TranscriptView::setTranscript(Transcript* transcript)
{
    if (transcript == m_transcript) {
        return;
    }
    if (m_transcript) {
        disconnect(m_transcript, nullptr, this, nullptr);
        Reading reading;
        reading.atEnd = m_atEnd;
        if (m_anchorRow < m_transcript->count()) {
            reading.item = m_transcript->row(m_anchorRow).item.id;
            reading.offset = m_anchorOffset;
        }
        m_readings.insert(keyOf(*m_transcript), reading);
    }
    m_transcript = transcript;
    m_layouts.clear();
    m_uses.clear();
    m_current = -1;
    m_selectionFrom = m_selectionTo = {};
    setUnseen(0);
    m_atEnd = true;
    m_anchorRow = 0;
    m_anchorOffset = 0;
    if (transcript) {
        const Reading reading = m_readings.value(keyOf(*transcript));
        const int row = reading.item.isEmpty() ? -1 : transcript->indexOf(reading.item);
        if (!reading.atEnd && row >= 0) {
            m_atEnd = false;
            m_anchorRow = row;
            m_anchorOffset = reading.offset;
        }
        connect(transcript, &Transcript::reset, this, [this] {
            m_layouts.clear();
            m_uses.clear();
            m_selectionFrom = m_selectionTo = {};
            m_current = -1;
            rebuild();
        });
        connect(transcript, &Transcript::inserted, this, &TranscriptView::onInserted);
        connect(transcript, &Transcript::removed, this, &TranscriptView::onRemoved);
        connect(transcript, &Transcript::changed, this, &TranscriptView::onChanged);
        connect(transcript, &Transcript::streamed, this, &TranscriptView::onStreamed);
        connect(transcript, &Transcript::visibilityChanged, this, [this] { rebuild(); });
    }
    rebuild();
}

void TranscriptView::rebuild()
{
    QList<int> heights;
    m_measured.clear();
    const int rows = m_transcript ? m_transcript->count() : 0;
    heights.reserve(rows);
    m_measured.reserve(rows);
    for (int i = 0; i < rows; ++i) {
        const auto& row = m_transcript->row(i);
        const auto kept = m_layouts.find(row.item.id);
        // A row that was hidden or shown has a layout for the other state.
        if (kept != m_layouts.end() && (kept->second.layout->height() == 0) != row.hidden) {
            forget(i);
        }
        const auto still = m_layouts.find(row.item.id);
        const bool known = still != m_layouts.end();
        heights.append(known ? still->second.layout->height()
                             : RowLayout::guess(row, viewport()->width(), m_theme));
        m_measured.append(known || row.hidden);
    }
    m_heights.reset(std::move(heights));
    m_anchorRow = std::clamp(m_anchorRow, 0, std::max(0, rows - 1));
    measureInSight();
    viewport()->update();
}

RowLayout& TranscriptView::layoutOf(int row)
{
    const auto& shown = m_transcript->row(row);
    const auto found = m_layouts.find(shown.item.id);
    if (found != m_layouts.end()) {
        m_uses.splice(m_uses.begin(), m_uses, found->second.use);
        return *found->second.layout;
    }
    auto layout = std::make_unique<RowLayout>(shown, viewport()->width(), style());
    connect(layout.get(), &RowLayout::repaintNeeded, this, [this, id = shown.item.id] {
        const int index = m_transcript ? m_transcript->indexOf(id) : -1;
        const auto kept = m_layouts.find(id);
        if (index >= 0 && index < m_heights.count() && kept != m_layouts.end()) {
            m_heights.set(index, kept->second.layout->height());
            keepAnchor();
        }
        viewport()->update();
    });
    m_uses.push_front(shown.item.id);
    RowLayout& result = *layout;
    m_layouts[shown.item.id] = {std::move(layout), m_uses.begin()};
    while (m_layouts.size() > keptLayouts) {
        m_layouts.erase(m_uses.back());
        m_uses.pop_back();
    }
    m_heights.set(row, result.height());
    m_measured[row] = true;
    return result;
}

void TranscriptView::forget(int row)
{
    const auto found = m_layouts.find(m_transcript->row(row).item.id);
    if (found != m_layouts.end()) {
        m_uses.erase(found->second.use);
        m_layouts.erase(found);
    }
}

// Lays out what is in sight, so that every height in sight is true, and finds the scroll bar's
// place from the anchor.
void TranscriptView::measureInSight()
{
    if (!m_transcript || m_heights.count() == 0) {
        syncScrollBar();
        return;
    }
    const int view = viewport()->height();
    const int rows = m_heights.count();
    if (m_atEnd) {
        int covered = bottomSpace;
        int row = rows;
        while (row > 0 && covered < view) {
            --row;
            if (!m_measured.at(row)) {
                layoutOf(row);
            }
            covered += m_heights.height(row);
        }
        m_anchorRow = row;
        m_anchorOffset = std::max(0, covered - view);
    } else {
        if (!m_measured.at(m_anchorRow)) {
            // Seen for the first time: keep the distance to the row below, which the reader may be
            // looking at.
            const int below = m_heights.height(m_anchorRow) - m_anchorOffset;
            layoutOf(m_anchorRow);
            m_anchorOffset = std::max(0, m_heights.height(m_anchorRow) - below);
        }
        m_anchorOffset = std::clamp(m_anchorOffset, 0, std::max(0, m_heights.height(m_anchorRow)));
        int covered = -m_anchorOffset;
        int row = m_anchorRow;
        while (row < rows && covered < view) {
            if (!m_measured.at(row)) {
                layoutOf(row);
            }
            covered += m_heights.height(row);
            ++row;
        }
        if (row == rows && covered + bottomSpace < view) {
            m_atEnd = true; // there is less below than was guessed
            setUnseen(0);
            measureInSight();
            return;
        }
    }
    syncScrollBar();
}

void TranscriptView::syncScrollBar()
{
    const qint64 content = m_heights.count() == 0 ? 0 : m_heights.total() + bottomSpace;
    const int maximum =
        int(std::clamp<qint64>(content - viewport()->height(), 0, std::numeric_limits<int>::max()));
    m_syncing = true;
    QScrollBar* bar = verticalScrollBar();
    bar->setRange(0, maximum);
    bar->setPageStep(viewport()->height());
    bar->setSingleStep(QFontMetrics(m_theme.body()).height());
    bar->setValue(
        m_atEnd ? maximum
                : int(m_heights.count() == 0 ? 0 : m_heights.top(m_anchorRow) + m_anchorOffset));
    m_syncing = false;
    placeJumpButton();
}

void TranscriptView::keepAnchor()
{
    measureInSight();
    viewport()->update();
}

void TranscriptView::scrollContentsBy(int, int)
{
    if (m_syncing) {
        viewport()->update();
        return;
    }
    if (!m_transcript || m_heights.count() == 0) {
        return;
    }
    const QScrollBar* bar = verticalScrollBar();
    m_atEnd = bar->value() >= bar->maximum();
    if (m_atEnd) {
        setUnseen(0);
    } else {
        m_anchorRow = m_heights.rowAt(bar->value());
        m_anchorOffset = int(bar->value() - m_heights.top(m_anchorRow));
    }
    measureInSight();
    viewport()->update();
    if (bar->value() < 2 * viewport()->height() && m_transcript->hasOlder()) {
        Q_EMIT olderWanted();
    }
}

void TranscriptView::onInserted(int first, int count)
{
    QList<int> heights;
    int news = 0;
    for (int i = first; i < first + count; ++i) {
        const auto& row = m_transcript->row(i);
        heights.append(RowLayout::guess(row, viewport()->width(), m_theme));
        m_measured.insert(i, row.hidden);
        news += countsAsNews(row) ? 1 : 0;
    }
    const bool atTail = first + count >= m_heights.count();
    const bool wasEmpty = m_heights.count() == 0;
    m_heights.insert(first, heights);
    if (!wasEmpty) {
        const auto shift = [&](int& row) { row += row >= first ? count : 0; };
        shift(m_anchorRow);
        shift(m_selectionFrom.row);
        shift(m_selectionTo.row);
        if (m_current >= 0) {
            shift(m_current);
        }
    }
    const bool own = count == 1 && m_transcript->row(first).item.kind == protocol::ItemKind::User;
    if (own && atTail && !wasEmpty) {
        m_atEnd = true; // who sends a message wants to see it
        setUnseen(0);
    } else if (!m_atEnd && first > m_anchorRow) {
        setUnseen(m_unseen + news);
    }
    keepAnchor();
}

void TranscriptView::onRemoved(int row)
{
    // Only the reply that was being written is ever removed: the last row.
    QList<int> heights;
    for (int i = 0; i < m_heights.count(); ++i) {
        if (i != row) {
            heights.append(m_heights.height(i));
        }
    }
    m_measured.removeAt(row);
    m_heights.reset(std::move(heights));
    const QList<QString> ids(m_uses.begin(), m_uses.end());
    for (const QString& id : ids) {
        if (id.startsWith(u"stream:")) {
            m_uses.erase(m_layouts.at(id).use);
            m_layouts.erase(id);
        }
    }
    if (m_selectionFrom.row == row || m_selectionTo.row == row) {
        m_selectionFrom = m_selectionTo = {};
    }
    m_current = std::min(m_current, m_heights.count() - 1);
    m_anchorRow = std::clamp(m_anchorRow, 0, std::max(0, m_heights.count() - 1));
    keepAnchor();
}

void TranscriptView::onChanged(int row)
{
    const auto& shown = m_transcript->row(row);
    // A reply that is complete takes over the layout that it had while it was written.
    const auto streaming = m_layouts.find(u"stream:"_s + shown.item.process);
    if (streaming != m_layouts.end() && !shown.streaming && !m_layouts.contains(shown.item.id)) {
        if (streaming->second.layout->settle(shown, style())) {
            auto node = m_layouts.extract(streaming);
            node.key() = shown.item.id;
            *node.mapped().use = shown.item.id;
            m_layouts.insert(std::move(node));
        } else {
            m_uses.erase(streaming->second.use);
            m_layouts.erase(streaming);
        }
    } else {
        forget(row);
    }
    const auto kept = m_layouts.find(shown.item.id);
    m_measured[row] = kept != m_layouts.end();
    if (kept != m_layouts.end()) {
        m_heights.set(row, kept->second.layout->height());
    } else {
        const auto [first, last] = rowsInSight();
        if (row >= first && row <= last) {
            layoutOf(row); // its true height at once: a guess would let the rows below jump twice
        } else {
            m_heights.set(row, RowLayout::guess(shown, viewport()->width(), m_theme));
        }
    }
    if (m_selectionFrom.row == row || m_selectionTo.row == row) {
        m_selectionFrom = m_selectionTo = {};
    }
    keepAnchor();
}

void TranscriptView::onStreamed(int row)
{
    const auto kept = m_layouts.find(m_transcript->row(row).item.id);
    if (kept == m_layouts.end()) {
        if (m_measured.at(row)) {
            m_measured[row] = false; // it fell out of the cache meanwhile
        }
        return; // out of sight: nothing to lay out until the reader comes
    }
    const auto [first, last] = rowsInSight();
    if (row < first || row > last) {
        forget(row);
        m_measured[row] = false;
        return;
    }
    kept->second.layout->grow(m_transcript->row(row).item.text, style());
    m_heights.set(row, kept->second.layout->height());
    keepAnchor();
}

std::pair<int, int> TranscriptView::rowsInSight() const
{
    if (m_heights.count() == 0) {
        return {-1, -1};
    }
    const qint64 top = verticalScrollBar()->value();
    return {m_heights.rowAt(top), m_heights.rowAt(top + viewport()->height())};
}

QRect TranscriptView::rowRect(int row)
{
    if (row < 0 || row >= m_heights.count()) {
        return {};
    }
    return {0,
            int(m_heights.top(row) - verticalScrollBar()->value()),
            viewport()->width(),
            m_heights.height(row)};
}

void TranscriptView::setUnseen(int count)
{
    if (count != m_unseen) {
        m_unseen = count;
        Q_EMIT unseenChanged(count);
    }
    placeJumpButton();
}

void TranscriptView::placeJumpButton()
{
    const bool wanted =
        !m_atEnd && verticalScrollBar()->maximum() - verticalScrollBar()->value() > 40;
    if (wanted) {
        const QString text =
            m_unseen > 0 ? tr("Jump to latest – %n new", nullptr, m_unseen) : tr("Jump to latest");
        if (m_jump->text() != text) {
            m_jump->setText(text);
            m_jump->setAccessibleName(text);
        }
        m_jump->adjustSize();
        m_jump->move(viewport()->x() + (viewport()->width() - m_jump->width()) / 2,
                     viewport()->y() + viewport()->height() - m_jump->height() -
                         theme::space::margin);
        m_jump->raise();
    }
    if (m_jump->isVisibleTo(this) != wanted) {
        m_jump->setVisible(wanted);
    }
}

void TranscriptView::jumpToEnd()
{
    m_atEnd = true;
    setUnseen(0);
    keepAnchor();
}

void TranscriptView::setCurrentRow(int row)
{
    if (!m_transcript || row < 0 || row >= m_heights.count()) {
        return;
    }
    const bool moved = m_current != row;
    m_current = row;
    layoutOf(row);
    const QRect rect = rowRect(row);
    const int view = viewport()->height();
    if (rect.top() < 0 || (rect.height() > view && rect.top() > 0)) {
        m_atEnd = false;
        m_anchorRow = row;
        m_anchorOffset = 0;
    } else if (rect.bottom() > view) {
        m_atEnd = row == m_heights.count() - 1;
        int space = view;
        m_anchorRow = row;
        while (m_anchorRow >= 0 && space > 0) {
            layoutOf(m_anchorRow);
            space -= m_heights.height(m_anchorRow);
            --m_anchorRow;
        }
        ++m_anchorRow;
        m_anchorOffset = std::max(0, -space);
    }
    keepAnchor();
    if (moved) {
        Q_EMIT currentRowChanged(row);
    }
}

void TranscriptView::resizeEvent(QResizeEvent* event)
{
    QAbstractScrollArea::resizeEvent(event);
    if (event->size().width() != event->oldSize().width()) {
        m_layouts.clear();
        m_uses.clear();
        rebuild();
    } else {
        keepAnchor();
    }
}

void TranscriptView::paintEvent(QPaintEvent* event)
{
    ++m_paints;
    QPainter painter(viewport());
    painter.fillRect(event->rect(), QApplication::palette().color(QPalette::Base));
    if (!m_transcript || m_heights.count() == 0) {
        return;
    }
    const auto [from, to] = selection();
    const bool selected = hasSelection();
    const auto [first, last] = rowsInSight();
    for (int row = first; row <= last; ++row) {
        if (m_heights.height(row) == 0) {
            continue;
        }
        const QRect rect = rowRect(row);
        if (!rect.intersects(event->rect())) {
            continue;
        }
        const RowLayout& layout = layoutOf(row);
        RowLayout::Paint how{
            m_theme, event->rect().translated(-rect.topLeft()), {}, false, m_clock.nowUs(), true};
        how.current = row == m_current && hasFocus();
        how.active = isActiveWindow();
        if (selected && row >= from.row && row <= to.row) {
            how.selection = {row == from.row ? from.position : layout.start(),
                             row == to.row ? to.position : layout.end()};
        }
        painter.save();
        painter.translate(rect.topLeft());
        layout.paint(painter, how);
        painter.restore();
    }
}

} // namespace sb::panels
