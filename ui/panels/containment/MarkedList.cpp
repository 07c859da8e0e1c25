#include "ui/panels/containment/MarkedList.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QPainter>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;
using models::ContainmentRows;
using models::Mark;
using theme::Tone;

namespace {

Mark markOf(const QModelIndex& index)
{
    return Mark(index.data(ContainmentRows::MarkRole).toInt());
}

// Of a listed host all is said by the heading above it.
bool hasSecondLine(const QModelIndex& index)
{
    return markOf(index) != Mark::Listed ||
           !index.data(ContainmentRows::SecondRole).toString().isEmpty();
}

const QString between = u" · "_s;

} // namespace

widgets::BadgeSpec markBadge(Mark mark)
{
    const auto word = models::markWord(mark);
    switch (mark) {
    case Mark::Heading:
        return {};
    case Mark::Open:
        return {u"failed"_s, word, Tone::Failed};
    case Mark::Unknown:
        return {u"interrupted"_s, word, Tone::Waiting};
    case Mark::Held:
        return {u"done"_s, word, Tone::Done};
    case Mark::Listed:
        return {u"file"_s, word, Tone::Secondary};
    case Mark::Given:
        return {u"approvals"_s, word, Tone::Text};
    case Mark::TakenBack:
        return {u"undo"_s, word, Tone::Done};
    case Mark::Trusted:
        return {u"verify"_s, word, Tone::Text};
    case Mark::Forgotten:
        return {u"cancelled"_s, word, Tone::Done};
    }
    return {};
}

MarkedDelegate::MarkedDelegate(theme::Theme& theme, const QList<Mark>& marks, QObject* parent)
    : QStyledItemDelegate(parent), m_theme(theme), m_marks(marks)
{
}

QSize MarkedDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const
{
    const QFontMetrics body(m_theme.body());
    const QFontMetrics secondary(m_theme.secondary());
    if (markOf(index) == Mark::Heading) {
        return {1, secondary.height() + space::margin};
    }
    return {1,
            m_isNarrow && hasSecondLine(index)
                ? body.height() + secondary.height() + space::related
                : std::max(m_theme.rowHeight(), secondary.height() + space::related)};
}

void MarkedDelegate::paint(QPainter* painter,
                           const QStyleOptionViewItem& option,
                           const QModelIndex& index) const
{
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    if (markOf(index) == Mark::Heading) {
        QFont strong = m_theme.secondary();
        strong.setWeight(QFont::DemiBold);
        painter->setFont(strong);
        painter->setPen(m_theme.colour(Tone::Secondary));
        const QRect area = option.rect.adjusted(space::margin, space::inside, -space::margin, 0);
        painter->drawText(
            area,
            Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
            QFontMetrics(strong).elidedText(index.data().toString(), Qt::ElideRight, area.width()));
        painter->restore();
        return;
    }
    const bool isSelected = option.state.testFlag(QStyle::State_Selected);
    const QRect box = option.rect.adjusted(space::inside, 1, -space::inside, -1);
    if (isSelected || option.state.testFlag(QStyle::State_MouseOver)) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(m_theme.soft(isSelected ? Tone::Accent : Tone::Secondary));
        painter->drawRoundedRect(box, theme::cornerRadius, theme::cornerRadius);
    }
    if (option.state.testFlag(QStyle::State_HasFocus)) {
        painter->setPen(QPen(m_theme.colour(Tone::Accent), 1.5));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(QRectF(box).adjusted(0.75, 0.75, -0.75, -0.75),
                                 theme::cornerRadius,
                                 theme::cornerRadius);
    }
    paintText(*painter, option, index);
    painter->restore();
}

void MarkedDelegate::paintText(QPainter& painter,
                               const QStyleOptionViewItem& option,
                               const QModelIndex& index) const
{
    const auto mark = markOf(index);
    const auto badge = markBadge(mark);
    const QFontMetrics body(m_theme.body());
    const QFontMetrics secondary(m_theme.secondary());
    const QRect area = option.rect.adjusted(space::margin, 0, -space::margin, 0);
    const bool isMirrored = option.direction == Qt::RightToLeft;
    const auto write = [&](const QRect& place,
                           const QFont& font,
                           Tone tone,
                           const QString& text,
                           Qt::LayoutDirection reads = Qt::LayoutDirectionAuto) {
        painter.setFont(font);
        painter.setPen(m_theme.colour(tone));
        painter.setLayoutDirection(reads);
        painter.drawText(QStyle::visualRect(option.direction, area, place),
                         Qt::AlignVCenter | Qt::AlignAbsolute | Qt::TextSingleLine |
                             (isMirrored ? Qt::AlignRight : Qt::AlignLeft),
                         QFontMetrics(font).elidedText(text, Qt::ElideRight, place.width()));
    };
    const auto title = index.data().toString();
    const auto second = index.data(ContainmentRows::SecondRole).toString();
    // An address reads from left to right in every language: "*.example" must not become
    // "example.*".
    const auto reads = mark == Mark::Listed || mark == Mark::Given || mark == Mark::TakenBack ||
                               mark == Mark::Trusted || mark == Mark::Forgotten
                           ? Qt::LeftToRight
                           : Qt::LayoutDirectionAuto;
    if (m_isNarrow) {
        const int icon = std::max(theme::smallIcon, body.ascent());
        const int height = body.height() + (hasSecondLine(index) ? secondary.height() : 0);
        const int top = area.top() + (area.height() - height) / 2;
        const QRect picture(area.left(), top + (body.height() - icon) / 2, icon, icon);
        painter.drawPixmap(QStyle::visualRect(option.direction, area, picture).topLeft(),
                           m_theme.pixmap(badge.icon,
                                          icon,
                                          m_theme.colour(badge.tone),
                                          painter.device()->devicePixelRatio()));
        const int left = area.left() + icon + space::related;
        const int width = std::max(0, area.right() - left + 1);
        write({left, top, width, body.height()}, m_theme.body(), Tone::Text, title, reads);
        if (!hasSecondLine(index)) {
            return;
        }
        // The word in the mark's own colour, then the rest.
        const int word = std::min(width, secondary.horizontalAdvance(badge.word) + 1);
        const int line = top + body.height();
        write({left, line, word, secondary.height()}, m_theme.secondary(), badge.tone, badge.word);
        if (!second.isEmpty()) {
            const int dot = secondary.horizontalAdvance(between);
            write({left + word, line, dot, secondary.height()},
                  m_theme.secondary(),
                  Tone::Secondary,
                  between);
            write({left + word + dot, line, std::max(0, width - word - dot), secondary.height()},
                  m_theme.secondary(),
                  Tone::Secondary,
                  second);
        }
        return;
    }
    int column = 0;
    for (const auto possible : m_marks) {
        column = std::max(column, widgets::badgeSize(m_theme, markBadge(possible)).width());
    }
    const QRect place(area.left(), area.top(), column, area.height());
    widgets::paintBadge(painter,
                        m_theme,
                        badge,
                        QStyle::visualRect(option.direction, area, place),
                        option.direction);
    const int left = area.left() + column + space::margin;
    const int rest = std::max(0, area.right() - left + 1);
    const int own = second.isEmpty() ? rest : rest * 3 / 5;
    write({left, area.top(), own, area.height()}, m_theme.body(), Tone::Text, title, reads);
    write({left + own + space::group,
           area.top(),
           std::max(0, rest - own - space::group),
           area.height()},
          m_theme.secondary(),
          Tone::Secondary,
          second);
}

MarkedList::MarkedList(theme::Theme& theme,
                       const QList<Mark>& marks,
                       const QString& accessibleName,
                       QWidget* parent)
    : QListView(parent), m_theme(theme), m_delegate(new MarkedDelegate(theme, marks, this))
{
    setItemDelegate(m_delegate);
    setAccessibleName(accessibleName);
    setFrameShape(QFrame::NoFrame);
    setMouseTracking(true);
    setEditTriggers(NoEditTriggers);
    setTabKeyNavigation(false);
    setVerticalScrollMode(ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setContextMenuPolicy(Qt::ActionsContextMenu);
    auto* copy = new QAction(theme.icon(u"copy"_s), tr("Copy this row"), this);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, [this] {
        if (currentIndex().isValid()) {
            QGuiApplication::clipboard()->setText(
                currentIndex().data(Qt::AccessibleTextRole).toString());
        }
    });
    addAction(copy);
    connect(&theme, &theme::Theme::changed, this, [this] {
        fit();
        doItemsLayout();
    });
}

void MarkedList::setModel(QAbstractItemModel* model)
{
    QListView::setModel(model);
    connect(model, &QAbstractItemModel::modelReset, this, &QWidget::updateGeometry);
}

void MarkedList::setMaximumLines(int lines)
{
    m_maximumLines = lines;
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    updateGeometry();
}

QSize MarkedList::sizeHint() const
{
    if (m_maximumLines == 0 || model() == nullptr) {
        return QListView::sizeHint();
    }
    const int most = m_maximumLines * m_theme.rowHeight();
    int height = 0;
    for (int row = 0; row < model()->rowCount() && height < most; ++row) {
        height += m_delegate->sizeHint({}, model()->index(row, 0)).height();
    }
    return {QListView::sizeHint().width(), std::min(height, most)};
}

QSize MarkedList::minimumSizeHint() const
{
    // Two rows say that there are more.
    return {theme::largeIcon * 4, std::min(sizeHint().height(), 2 * m_theme.rowHeight())};
}

void MarkedList::currentChanged(const QModelIndex& current, const QModelIndex& previous)
{
    QListView::currentChanged(current, previous);
    // The first row gets the cursor with the focus; what has the cursor is what is shown.
    if (current.isValid() && !selectionModel()->isSelected(current)) {
        selectionModel()->select(current, QItemSelectionModel::ClearAndSelect);
    }
}

QModelIndex MarkedList::moveCursor(CursorAction action, Qt::KeyboardModifiers modifiers)
{
    const auto found = QListView::moveCursor(action, modifiers);
    if (!found.isValid() || found.flags().testFlag(Qt::ItemIsEnabled)) {
        return found;
    }
    // A heading: the row below it is meant, for a heading never stands last.
    const auto below = model()->index(found.row() + 1, 0);
    return below.isValid() ? below : found;
}

void MarkedList::resizeEvent(QResizeEvent* event)
{
    fit();
    QListView::resizeEvent(event);
}

void MarkedList::fit()
{
    const bool isNarrow =
        viewport()->width() < 84 * QFontMetrics(m_theme.body()).averageCharWidth();
    if (isNarrow != m_delegate->isNarrow()) {
        m_delegate->setNarrow(isNarrow);
        scheduleDelayedItemsLayout();
    }
    updateGeometry();
}

} // namespace sb::panels
