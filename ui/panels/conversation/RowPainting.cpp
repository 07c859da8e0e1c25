// How a row of the transcript is drawn; RowLayout.cpp lays it out.
#include "ui/panels/conversation/RowLayout.h"
#include "ui/widgets/CodeHighlighter.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/PlainLine.h"

#include <QAbstractTextDocumentLayout>
#include <QApplication>
#include <QPainter>
#include <QTextCursor>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ItemKind;
using theme::Tone;
namespace space = theme::space;

namespace {

QString iconOf(const protocol::TranscriptItem& item)
{
    switch (item.kind) {
    case ItemKind::Delegate:
        return item.author == u"branch" ? u"delegate"_s : u"workers"_s;
    case ItemKind::Tool:
        return item.author == u"shell" ? u"terminal"_s : u"file"_s;
    case ItemKind::Notice:
        return item.state == protocol::ProcessState::Failed ? u"warning"_s : u"info"_s;
    case ItemKind::User:
    case ItemKind::Agent:
        break;
    }
    return u"conversation"_s;
}

} // namespace

void RowLayout::paint(QPainter& painter, const Paint& how) const
{
    if (m_row.hidden) {
        return;
    }
    const theme::Theme& theme = how.theme;
    const QPalette palette = QApplication::palette();
    painter.setRenderHint(QPainter::Antialiasing);
    if (m_bubble) {
        const int top = m_topPadding - space::related;
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.soft(Tone::Accent));
        painter.drawRoundedRect(QRect(m_left - space::margin,
                                      top,
                                      m_width + 2 * space::margin,
                                      m_height - top - space::inside),
                                theme::cornerRadius,
                                theme::cornerRadius);
    }
    if (m_header) {
        paintHeader(painter, how);
    }
    if (m_line) {
        paintLine(painter, how);
    }
    if (m_row.item.kind == ItemKind::Notice) {
        const Tone tone =
            m_row.item.state == protocol::ProcessState::Failed ? Tone::Failed : Tone::Secondary;
        painter.drawPixmap(m_left - m_markSize - space::related,
                           m_topPadding,
                           theme.pixmap(iconOf(m_row.item),
                                        m_markSize,
                                        theme.colour(tone),
                                        painter.device()->devicePixelRatio()));
    }
    for (int i = 0; i < int(m_blocks.size()); ++i) {
        const Block& block = m_blocks[size_t(i)];
        const QRect text = blockRect(block);
        if (block.top + block.height < how.clip.top() || block.top > how.clip.bottom()) {
            continue;
        }
        if (block.source.code) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(theme.soft(Tone::Secondary));
            painter.drawRoundedRect(QRect(m_left, block.top, m_width, block.height),
                                    theme::cornerRadius,
                                    theme::cornerRadius);
            painter.drawPixmap(text.right() + 1 + space::inside,
                               block.top + space::related,
                               theme.pixmap(u"copy"_s,
                                            m_copySize,
                                            theme.colour(Tone::Secondary),
                                            painter.device()->devicePixelRatio()));
        }
        QAbstractTextDocumentLayout::PaintContext context;
        context.palette = palette;
        context.palette.setColor(QPalette::Text, theme.colour(Tone::Text));
        context.clip = QRectF(how.clip.translated(-text.topLeft()))
                           .intersected(QRectF(-4, 0, text.width() + 8, text.height()));
        if (how.selection && how.selection->first.block <= i && how.selection->second.block >= i) {
            const int last = std::max(0, block.document->characterCount() - 1);
            QAbstractTextDocumentLayout::Selection selection;
            selection.cursor = QTextCursor(block.document.get());
            selection.cursor.setPosition(how.selection->first.block == i
                                             ? std::min(how.selection->first.character, last)
                                             : 0);
            selection.cursor.setPosition(how.selection->second.block == i
                                             ? std::min(how.selection->second.character, last)
                                             : last,
                                         QTextCursor::KeepAnchor);
            const auto group = how.active ? QPalette::Active : QPalette::Inactive;
            selection.format.setBackground(palette.brush(group, QPalette::Highlight));
            selection.format.setForeground(palette.brush(group, QPalette::HighlightedText));
            context.selections.append(selection);
        }
        painter.save();
        painter.translate(text.topLeft());
        painter.setClipRect(context.clip, Qt::IntersectClip);
        block.document->documentLayout()->draw(&painter, context);
        painter.restore();
    }
    if (how.current) {
        QPen pen(theme.colour(Tone::Accent));
        pen.setWidth(2);
        painter.setPen(pen);
        painter.setBrush(Qt::NoBrush);
        const int left = m_line                  ? m_lineRect.left()
                         : m_headerRect.isNull() ? m_left
                                                 : m_headerRect.left();
        painter.drawLine(
            left - 7, m_header ? m_headerRect.top() : 2, left - 7, m_height - space::inside);
    }
}

void RowLayout::paintHeader(QPainter& painter, const Paint& how) const
{
    const auto& item = m_row.item;
    const theme::Theme& theme = how.theme;
    const bool mirrored = QApplication::isRightToLeft();
    QFont name = theme.secondary();
    name.setWeight(QFont::DemiBold);
    painter.setFont(name);
    painter.setPen(theme.colour(Tone::Text));
    const QString author = item.author == u"you" ? tr("You") : item.author;
    const QString when = m_row.streaming ? tr("writing …") : widgets::clockText(item.time, how.now);
    const QFontMetrics secondary(theme.secondary());
    const int whenWidth = secondary.horizontalAdvance(when);
    const QFontMetrics metrics(name);
    const QString shown = metrics.elidedText(
        author, Qt::ElideRight, std::max(20, m_headerRect.width() - whenWidth - space::group));
    painter.drawText(m_headerRect, Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine, shown);
    painter.setFont(theme.secondary());
    painter.setPen(theme.colour(m_row.streaming ? Tone::Accent : Tone::Secondary));
    const int used = metrics.horizontalAdvance(shown) + space::related;
    painter.drawText(mirrored ? m_headerRect.adjusted(0, 0, -used, 0)
                              : m_headerRect.adjusted(used, 0, 0, 0),
                     Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
                     when);
}

void RowLayout::paintLine(QPainter& painter, const Paint& how) const
{
    const auto& item = m_row.item;
    const theme::Theme& theme = how.theme;
    const auto ratio = painter.device()->devicePixelRatio();
    const QColor quiet = theme.colour(Tone::Secondary);
    const int middle = m_lineRect.center().y();
    const bool mirrored = QApplication::isRightToLeft();
    QRect rest = m_lineRect;
    const auto take = [&](int width) {
        QRect part = rest;
        if (mirrored) {
            part.setLeft(rest.right() - width + 1);
            rest.setRight(part.left() - 1 - space::inside);
        } else {
            part.setWidth(width);
            rest.setLeft(part.right() + 1 + space::inside);
        }
        return part;
    };
    const auto mark = [&](const QString& icon, const QColor& colour) {
        const QRect part = take(m_markSize);
        painter.drawPixmap(
            part.x(), middle - m_markSize / 2, theme.pixmap(icon, m_markSize, colour, ratio));
    };
    mark(m_row.open ? u"chevron-down"_s : mirrored ? u"chevron-left"_s : u"chevron-right"_s, quiet);
    mark(iconOf(item), quiet);
    rest.adjust(mirrored ? 0 : space::inside, 0, mirrored ? -space::inside : 0, 0);
    const auto takeFromEnd = [&](int wanted) {
        const int width = std::min(wanted, rest.width() / 2);
        const QRect part(mirrored ? rest.left() : rest.right() - width + 1,
                         m_lineRect.y(),
                         width,
                         m_lineRect.height());
        rest.adjust(
            mirrored ? width + space::related : 0, 0, mirrored ? 0 : -width - space::related, 0);
        return part;
    };
    if (const QString words = durationWords(); !words.isEmpty()) {
        painter.setFont(theme.secondary());
        painter.setPen(quiet);
        painter.drawText(takeFromEnd(QFontMetrics(theme.secondary()).horizontalAdvance(words)),
                         Qt::AlignVCenter | Qt::AlignTrailing | Qt::TextSingleLine,
                         words);
    }
    if (hasBadge()) {
        const auto spec = widgets::stateBadge(item.state);
        widgets::paintBadge(painter,
                            theme,
                            spec,
                            takeFromEnd(widgets::badgeSize(theme, spec).width()),
                            mirrored ? Qt::RightToLeft : Qt::LeftToRight);
    }
    const QFont font = item.kind == ItemKind::Tool ? theme.mono() : theme.body();
    painter.setFont(font);
    painter.setPen(theme.colour(item.kind == ItemKind::Tool ? Tone::Secondary : Tone::Text));
    const QString text =
        widgets::visibleText(item.kind == ItemKind::Tool ? widgets::firstLine(item.text)
                                                         : widgets::plainLine(item.text));
    painter.drawText(rest,
                     Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
                     QFontMetrics(font).elidedText(text, Qt::ElideRight, rest.width()));
}

} // namespace sb::panels
