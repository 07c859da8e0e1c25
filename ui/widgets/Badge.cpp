#include "ui/widgets/Badge.h"

#include <QCoreApplication>
#include <QFontMetrics>
#include <QPainter>

using namespace Qt::StringLiterals;

namespace sb::widgets {

namespace {

/// Gives lupdate the context that these words are translated in.
struct Words
{
    Q_DECLARE_TR_FUNCTIONS(Badge)
};

constexpr int gap = theme::space::inside;
constexpr int side = 6; // between the edge and the icon or the word

int iconSize(const theme::Theme& theme)
{
    // Grows with the font; 16 px at the usual size.
    return std::max(12, QFontMetrics(theme.secondary()).height() - 1);
}

} // namespace

BadgeSpec riskBadge(protocol::Risk risk)
{
    switch (risk) {
    case protocol::Risk::Low:
        return {u"risk-low"_s, Words::tr("Low risk"), theme::riskTone(risk)};
    case protocol::Risk::Medium:
        return {u"risk-medium"_s, Words::tr("Medium risk"), theme::riskTone(risk)};
    case protocol::Risk::High:
        return {u"risk-high"_s, Words::tr("High risk"), theme::riskTone(risk)};
    case protocol::Risk::Critical:
        return {u"risk-critical"_s, Words::tr("Critical risk"), theme::riskTone(risk)};
    }
    return {};
}

BadgeSpec stateBadge(protocol::ProcessState state)
{
    using enum protocol::ProcessState;
    const theme::Tone tone = theme::stateTone(state);
    switch (state) {
    case Running:
        return {u"running"_s, Words::tr("Running"), tone};
    case WaitingApproval:
        return {u"waiting"_s, Words::tr("Waits for you"), tone};
    case Succeeded:
        return {u"done"_s, Words::tr("Done"), tone};
    case Failed:
        return {u"failed"_s, Words::tr("Failed"), tone};
    case Cancelled:
        return {u"cancelled"_s, Words::tr("Cancelled"), tone};
    case Interrupted:
        return {u"interrupted"_s, Words::tr("Interrupted"), tone};
    }
    return {};
}

BadgeSpec approvalBadge(protocol::ApprovalState state)
{
    using enum protocol::ApprovalState;
    switch (state) {
    case Waiting:
        return {u"waiting"_s, Words::tr("Waits for you"), theme::Tone::Waiting};
    case Accepted:
        return {u"done"_s, Words::tr("Accepted"), theme::Tone::Done};
    case Rejected:
        return {u"failed"_s, Words::tr("Rejected"), theme::Tone::Failed};
    case Expired:
        return {u"clock"_s, Words::tr("Expired"), theme::Tone::Failed};
    }
    return {};
}

QSize badgeSize(const theme::Theme& theme, const BadgeSpec& spec)
{
    const QFontMetrics metrics(theme.secondary());
    // One more than the words' width, which is rounded: else they would be elided now and then.
    return {side + iconSize(theme) + gap + metrics.horizontalAdvance(spec.word) + 1 + side,
            std::max(metrics.height(), iconSize(theme)) + gap};
}

void paintBadge(QPainter& painter,
                const theme::Theme& theme,
                const BadgeSpec& spec,
                const QRect& rect,
                Qt::LayoutDirection direction)
{
    const QSize size = badgeSize(theme, spec).boundedTo(rect.size());
    QRect box(
        rect.x(), rect.y() + (rect.height() - size.height()) / 2, size.width(), size.height());
    if (direction == Qt::RightToLeft) {
        box.moveRight(rect.right());
    }
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.soft(spec.tone));
    painter.drawRoundedRect(box, theme::cornerRadius, theme::cornerRadius);
    const int icon = iconSize(theme);
    const QColor colour = theme.colour(spec.tone);
    const int iconX = direction == Qt::RightToLeft ? box.right() - side - icon + 1 : box.x() + side;
    painter.drawPixmap(iconX,
                       box.y() + (box.height() - icon) / 2,
                       theme.pixmap(spec.icon, icon, colour, painter.device()->devicePixelRatio()));
    painter.setPen(colour);
    painter.setFont(theme.secondary());
    const int used = side + icon + gap;
    const QRect text = direction == Qt::RightToLeft ? box.adjusted(side, 0, -used, 0)
                                                    : box.adjusted(used, 0, -side, 0);
    painter.drawText(
        text,
        Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
        QFontMetrics(theme.secondary()).elidedText(spec.word, Qt::ElideRight, text.width()));
    painter.restore();
}

Badge::Badge(theme::Theme& theme, BadgeSpec spec, QWidget* parent) : QWidget(parent), m_theme(theme)
{
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setSpec(std::move(spec));
    connect(&theme, &theme::Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void Badge::setSpec(BadgeSpec spec)
{
    if (spec == m_spec) {
        return;
    }
    m_spec = std::move(spec);
    setAccessibleName(m_spec.word);
    updateGeometry();
    update();
}

QSize Badge::sizeHint() const
{
    return badgeSize(m_theme, m_spec);
}

void Badge::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintBadge(painter, m_theme, m_spec, rect(), layoutDirection());
}

} // namespace sb::widgets
