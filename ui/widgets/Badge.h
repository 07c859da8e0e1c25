#pragma once
#include "ui/theme/Theme.h"

#include <QWidget>

namespace sb::widgets {

/// An icon, a word and their colour: never one without the others.
struct BadgeSpec
{
    QString icon;
    QString word;
    theme::Tone tone = theme::Tone::Secondary;
    bool operator==(const BadgeSpec&) const = default;
};
BadgeSpec riskBadge(protocol::Risk risk);           ///< "Low risk" … "Critical risk"
BadgeSpec stateBadge(protocol::ProcessState state); ///< "Running", "Waits for you", …
BadgeSpec approvalBadge(protocol::ApprovalState state);

/// For delegates: how large it is, and drawing it left-aligned and vertically centred into `rect`.
QSize badgeSize(const theme::Theme& theme, const BadgeSpec& spec);
void paintBadge(QPainter& painter,
                const theme::Theme& theme,
                const BadgeSpec& spec,
                const QRect& rect,
                Qt::LayoutDirection direction);

/// The same as a widget.
class Badge final : public QWidget
{
    Q_OBJECT
public:
    Badge(theme::Theme& theme, BadgeSpec spec, QWidget* parent = nullptr);
    void setSpec(BadgeSpec spec);
    [[nodiscard]] const BadgeSpec& spec() const { return m_spec; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    theme::Theme& m_theme;
    BadgeSpec m_spec;
};

} // namespace sb::widgets
