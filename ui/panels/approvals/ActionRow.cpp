#include "ui/panels/approvals/ActionRow.h"

#include "ui/panels/parts/FlowLayout.h"
#include "ui/theme/Theme.h"

#include <QPainter>

namespace sb::panels {

namespace {

constexpr int frame = 1; // of the card: the row must not paint over it

/// As high as the row's buttons are at its width.
class Place final : public QWidget
{
public:
    Place(const FlowLayout& flow, QWidget* parent) : QWidget(parent), m_flow(flow)
    {
        // Not Fixed: a layout holds that to the height of one line, however many there are.
        QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Minimum);
        policy.setHeightForWidth(true);
        setSizePolicy(policy);
    }
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override
    {
        return content(m_flow.heightForWidth(width + 2 * (theme::space::margin - frame)));
    }
    [[nodiscard]] QSize sizeHint() const override
    {
        return {m_flow.sizeHint().width(), content(m_flow.sizeHint().height())};
    }
    [[nodiscard]] QSize minimumSizeHint() const override
    {
        return {1, content(m_flow.minimumSize().height())};
    }

private:
    [[nodiscard]] static int content(int height) { return height - 2 * theme::space::related; }
    const FlowLayout& m_flow;
};

} // namespace

ActionRow::ActionRow(const theme::Theme& theme, QWidget* card)
    : QWidget(card), m_theme(theme), m_flow(new FlowLayout(this))
{
    m_flow->setContentsMargins(theme::space::margin - frame,
                               theme::space::related,
                               theme::space::margin - frame,
                               theme::space::related);
}

QWidget* ActionRow::makePlace(QWidget* parent)
{
    m_place = new Place(*m_flow, parent);
    return m_place;
}

void ActionRow::contentsChanged()
{
    m_flow->invalidate();
    m_place->updateGeometry();
}

void ActionRow::settle(int edge, int highest)
{
    const int top = m_place->mapTo(parentWidget(), QPoint()).y() - theme::space::related;
    const int width = parentWidget()->width() - 2 * frame;
    const int height = m_flow->heightForWidth(width);
    const int wanted = std::max(highest, edge - height);
    const bool isStuck = wanted < top;
    setGeometry(frame, isStuck ? wanted : top, width, height);
    if (isStuck != m_isStuck) {
        m_isStuck = isStuck;
        update();
    }
    raise();
}

void ActionRow::paintEvent(QPaintEvent*)
{
    if (!m_isStuck) {
        return;
    }
    QPainter painter(this);
    painter.fillRect(rect(), palette().color(QPalette::Base));
    painter.fillRect(QRect(0, 0, width(), 1), m_theme.hairline());
}

} // namespace sb::panels
