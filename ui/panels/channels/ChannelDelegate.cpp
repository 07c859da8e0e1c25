#include "ui/panels/channels/ChannelDelegate.h"

#include "ui/panels/channels/ChannelsModel.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/PlainLine.h"

#include <QApplication>
#include <QPainter>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;
using theme::Tone;

ChannelDelegate::ChannelDelegate(theme::Theme& theme, Clock& clock, QObject* parent)
    : QStyledItemDelegate(parent), m_theme(theme), m_clock(clock)
{
}

QSize ChannelDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const
{
    const int body = QFontMetrics(m_theme.body()).height();
    const int secondary = QFontMetrics(m_theme.secondary()).height();
    if (index.data(ChannelsModel::HeadingRole).toBool()) {
        return {40, secondary + space::margin};
    }
    const int padding =
        m_theme.density() == theme::Density::Compact ? space::inside : space::margin;
    return {80, body + secondary + padding};
}

void ChannelDelegate::paint(QPainter* painter,
                            const QStyleOptionViewItem& option,
                            const QModelIndex& index) const
{
    const auto& row = static_cast<const ChannelsModel*>(index.model())->row(index.row());
    const bool mirrored = option.direction == Qt::RightToLeft;
    const qreal ratio = painter->device()->devicePixelRatio();
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    QRect rest = option.rect.adjusted(space::margin, 0, -space::margin, 0);
    const auto fromEnd = [&](QRect& area, int width) {
        QRect part = area;
        if (mirrored) {
            part.setRight(area.left() + width - 1);
            area.setLeft(part.right() + 1 + space::inside);
        } else {
            part.setLeft(area.right() - width + 1);
            area.setRight(part.left() - 1 - space::inside);
        }
        return part;
    };
    const auto write =
        [&](const QRect& area, const QFont& font, const QColor& colour, const QString& text) {
            painter->setFont(font);
            painter->setPen(colour);
            painter->drawText(area,
                              Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
                              QFontMetrics(font).elidedText(text, Qt::ElideRight, area.width()));
        };
    QFont strong = m_theme.secondary();
    strong.setWeight(QFont::DemiBold);
    if (row.heading) {
        if (!row.agent.problem.isEmpty()) {
            const int size = m_theme.iconSize();
            const QRect part = fromEnd(rest, size);
            painter->drawPixmap(
                part.x(),
                rest.center().y() - size / 2,
                m_theme.pixmap(u"warning"_s, size, m_theme.colour(Tone::Waiting), ratio));
        }
        write(rest.adjusted(0, space::inside, 0, 0),
              strong,
              m_theme.colour(Tone::Secondary),
              row.agent.id);
        painter->restore();
        return;
    }
    const bool selected = option.state & QStyle::State_Selected;
    const bool focused = option.state & QStyle::State_HasFocus;
    const QRect box = option.rect.adjusted(space::inside, 1, -space::inside, -1);
    if (selected || (option.state & QStyle::State_MouseOver)) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(m_theme.soft(selected ? Tone::Accent : Tone::Secondary));
        painter->drawRoundedRect(box, theme::cornerRadius, theme::cornerRadius);
    }
    if (focused) {
        QPen pen(m_theme.colour(Tone::Accent));
        pen.setWidthF(1.5);
        painter->setPen(pen);
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(QRectF(box).adjusted(0.75, 0.75, -0.75, -0.75),
                                 theme::cornerRadius,
                                 theme::cornerRadius);
    }
    const QFontMetrics body(m_theme.body());
    const QFontMetrics secondary(m_theme.secondary());
    const int height = body.height() + secondary.height();
    QRect first(rest.x(), rest.y() + (rest.height() - height) / 2, rest.width(), body.height());
    QRect second(rest.x(), first.bottom() + 1, rest.width(), secondary.height());

    const int icon = std::max(14, secondary.height() - 1);
    const auto mark = [&](const QString& name, Tone tone, int count) {
        const QString number = count > 1 ? widgets::countText(count) : QString();
        const int width = icon + (number.isEmpty() ? 0 : secondary.horizontalAdvance(number) + 4);
        const QRect part = fromEnd(first, width);
        const QColor colour = m_theme.colour(tone);
        painter->drawPixmap(mirrored ? part.right() - icon + 1 : part.x(),
                            first.center().y() - icon / 2,
                            m_theme.pixmap(name, icon, colour, ratio));
        if (!number.isEmpty()) {
            write(mirrored ? part.adjusted(0, 0, -icon - 2, 0) : part.adjusted(icon + 2, 0, 0, 0),
                  m_theme.secondary(),
                  colour,
                  number);
        }
    };
    if (row.unread) {
        const QRect part = fromEnd(first, 8);
        painter->setPen(Qt::NoPen);
        painter->setBrush(m_theme.colour(Tone::Accent));
        painter->drawEllipse(QPointF(part.center()) + QPointF(0.5, 0.5), 4, 4);
    }
    if (row.channel.waiting > 0) {
        mark(u"waiting"_s, Tone::Waiting, row.channel.waiting);
    }
    if (row.channel.running > 0) {
        mark(u"running"_s, Tone::Accent, row.channel.running);
    }
    QFont title = m_theme.body();
    if (row.unread) {
        title.setWeight(QFont::DemiBold);
    }
    write(first, title, m_theme.colour(Tone::Text), ChannelsModel::titleOf(row.channel));
    if (row.channel.lastTime > 0) {
        const QString age = widgets::ageText(row.channel.lastTime, m_clock.nowUs());
        write(fromEnd(second, secondary.horizontalAdvance(age) + 2),
              m_theme.secondary(),
              m_theme.colour(Tone::Secondary),
              age);
    }
    write(second,
          m_theme.secondary(),
          m_theme.colour(Tone::Secondary),
          widgets::plainLine(row.channel.lastText));
    painter->restore();
}

} // namespace sb::panels
