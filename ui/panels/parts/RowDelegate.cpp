#include "ui/panels/parts/RowDelegate.h"

#include <QApplication>
#include <QHeaderView>
#include <QPainter>
#include <QTableView>

namespace sb::panels {

RowDelegate::RowDelegate(theme::Theme& theme, Look look, QObject* parent)
    : QStyledItemDelegate(parent), m_theme(theme), m_look(std::move(look))
{
}

int RowDelegate::rowHeight() const
{
    if (!m_isNarrow) {
        return m_theme.rowHeight();
    }
    return QFontMetrics(m_theme.body()).height() + QFontMetrics(m_theme.secondary()).height() +
           2 * theme::space::inside + 2;
}

void RowDelegate::initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const
{
    QStyledItemDelegate::initStyleOption(option, index);
    const auto look = m_look(index, m_isNarrow);
    option->palette.setColor(QPalette::Text, m_theme.colour(look.tone));
    option->textElideMode = Qt::ElideRight;
    if (look.isMono) {
        option->font = m_theme.mono();
    }
}

void RowDelegate::paint(QPainter* painter,
                        const QStyleOptionViewItem& option,
                        const QModelIndex& index) const
{
    const auto look = m_look(index, m_isNarrow);
    if (!m_isNarrow && !look.badge) {
        QStyledItemDelegate::paint(painter, option, index);
        return;
    }
    QStyleOptionViewItem styled = option;
    initStyleOption(&styled, index);
    const auto text = std::exchange(styled.text, QString());
    auto* style = styled.widget != nullptr ? styled.widget->style() : QApplication::style();
    style->drawControl(QStyle::CE_ItemViewItem, &styled, painter, styled.widget);
    styled.text = text;
    const int side = theme::space::inside;
    if (m_isNarrow) {
        styled.rect.adjust(side, side, -side, -side);
        paintTwoLines(painter, styled, look);
    } else {
        widgets::paintBadge(*painter,
                            m_theme,
                            *look.badge,
                            styled.rect.adjusted(side, 0, -side, 0),
                            styled.direction);
    }
}

void RowDelegate::paintTwoLines(QPainter* painter,
                                const QStyleOptionViewItem& option,
                                const RowLook& look) const
{
    const bool isSelected = option.state.testFlag(QStyle::State_Selected);
    const auto selected = option.palette.color(QPalette::HighlightedText);
    const QFontMetrics body(m_theme.body());
    const QFontMetrics secondary(m_theme.secondary());
    const int icon = std::max(theme::smallIcon, body.ascent());
    QRect area = option.rect;
    const auto place = [&](const QRect& rect) {
        return QStyle::visualRect(option.direction, area, rect);
    };
    painter->save();
    if (!look.icon.isEmpty()) {
        const auto picture = m_theme.pixmap(look.icon,
                                            icon,
                                            isSelected ? selected : m_theme.colour(look.iconTone),
                                            painter->device()->devicePixelRatio());
        painter->drawPixmap(
            place({area.left(), area.top() + (body.height() - icon) / 2, icon, icon}).topLeft(),
            picture);
    }
    const int indent = icon + theme::space::related;
    const QRect first =
        place({area.left() + indent, area.top(), area.width() - indent, body.height()});
    const QRect second = place({area.left() + indent,
                                area.top() + body.height() + 2,
                                area.width() - indent,
                                secondary.height()});
    painter->setFont(m_theme.body());
    painter->setPen(isSelected ? selected : m_theme.colour(look.tone));
    painter->drawText(first,
                      Qt::AlignLeading | Qt::AlignVCenter | Qt::TextSingleLine,
                      body.elidedText(option.text, Qt::ElideRight, first.width()));
    painter->setFont(m_theme.secondary());
    painter->setPen(isSelected ? selected : m_theme.colour(theme::Tone::Secondary));
    painter->drawText(second,
                      Qt::AlignLeading | Qt::AlignVCenter | Qt::TextSingleLine,
                      secondary.elidedText(look.second, Qt::ElideRight, second.width()));
    painter->restore();
}

void setUpTable(QTableView& table, const QString& accessibleName)
{
    table.setAccessibleName(accessibleName);
    table.setFrameShape(QFrame::NoFrame);
    table.setShowGrid(false);
    table.setWordWrap(false);
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setSelectionMode(QAbstractItemView::SingleSelection);
    table.setEditTriggers(QAbstractItemView::NoEditTriggers);
    table.setTabKeyNavigation(false);
    table.setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    table.setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    table.setContextMenuPolicy(Qt::CustomContextMenu);
    table.verticalHeader()->hide();
    table.verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table.verticalHeader()->setMinimumSectionSize(1);
    table.horizontalHeader()->setHighlightSections(false);
    table.horizontalHeader()->setDefaultAlignment(Qt::AlignLeading | Qt::AlignVCenter);
    table.horizontalHeader()->setMinimumSectionSize(1);
    table.horizontalHeader()->setSectionResizeMode(QHeaderView::Fixed);
}

} // namespace sb::panels
