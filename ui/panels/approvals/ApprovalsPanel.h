#pragma once
#include "ui/models/ApprovalsModel.h"
#include "ui/panels/Panel.h"

#include <QTimer>

namespace sb::panels {

class CardList;

/// What waits for a person, over all agents, and what was decided.
class ApprovalsPanel final : public Panel
{
    Q_OBJECT
public:
    explicit ApprovalsPanel(const Context& context, QWidget* parent = nullptr);

    [[nodiscard]] QWidget* focusTarget() override;
    bool open(const Link& link) override;
    /// The list, for tests and figures.
    [[nodiscard]] CardList& cards() const { return *m_cards; }

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    void addActions();
    void refresh();
    /// Does it to the card that has the keys; a card that has not gets them instead.
    void act(void (*what)(class ApprovalCard&));

    models::ApprovalsModel m_model;
    CardList* m_cards;
    QWidget* m_allClear;
    QTimer m_tick;
    QString m_failure;
};

} // namespace sb::panels
