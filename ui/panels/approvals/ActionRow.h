#pragma once
#include <QWidget>

namespace sb::theme {
class Theme;
}

namespace sb::panels {

class FlowLayout;

/// The row of a card's answers. It stands at its place in the card, or, while that place is below
/// the edge of the view, at the edge with a hairline above: who looks at a card sees its answers.
class ActionRow final : public QWidget
{
public:
    ActionRow(const theme::Theme& theme, QWidget* card);

    /// Where it belongs; put this into the card's layout. The row itself is in no layout.
    [[nodiscard]] QWidget* makePlace(QWidget* parent);
    [[nodiscard]] FlowLayout& buttons() const { return *m_flow; }
    /// Buttons came, went or changed their words.
    void contentsChanged();
    /// Moves to its place, or to `edge` when the place lies below it, but never above `highest`;
    /// all in the card's coordinates. The widths of the row and its place belong together.
    void settle(int edge, int highest);
    /// Whether it stands at the edge of the view and covers what is behind it.
    [[nodiscard]] bool isStuck() const { return m_isStuck; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& m_theme;
    FlowLayout* m_flow;
    QWidget* m_place = nullptr;
    bool m_isStuck = false;
};

} // namespace sb::panels
