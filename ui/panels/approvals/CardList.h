#pragma once
#include "ui/panels/approvals/ApprovalCard.h"

#include <QAbstractScrollArea>
#include <QHash>
#include <QTimer>

namespace sb::models {
class ApprovalsModel;
}

namespace sb::panels {

/// The cards below each other. Only those near the visible part exist, so a thousand questions cost
/// what ten do. A card that was just settled stays where it is, showing its outcome, for as long as
/// the pointer could be on its way to a button of a neighbour; then it goes down to the decided
/// ones.
class CardList final : public QAbstractScrollArea
{
    Q_OBJECT
public:
    CardList(const Context& context, models::ApprovalsModel& model, QWidget* parent);
    ~CardList() override;

    /// The card that has the keys, or nothing.
    [[nodiscard]] ApprovalCard* current() const;
    /// Gives a card the keys and scrolls to it; opens the decided ones when it is one of them.
    /// False: unknown.
    bool showCard(const QString& id);
    /// The first or last waiting one, or the neighbour of the current one.
    void step(int by);
    void tick();
    /// For tests and figures: how many cards exist as widgets now.
    [[nodiscard]] int aliveCards() const { return int(m_cards.size()); }
    [[nodiscard]] ApprovalCard* card(const QString& id) const { return m_cards.value(id); }

Q_SIGNALS:
    void linkActivated(const sb::panels::Link& link);
    void settled(const sb::protocol::ApprovalInfo& approval);

protected:
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    bool viewportEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    struct Row
    {
        QString id; // empty: the head of the decided ones
        bool isFolded = false;
        int top = 0;
        int height = 0;
    };

    void sync();
    void arrange();
    void settleDown();
    void bringIntoView();
    void focusMoved(QWidget* old, QWidget* now);
    ApprovalCard* makeCard(const QString& id);
    void placeAnswers();
    void dropFarCards();
    [[nodiscard]] int place();
    [[nodiscard]] int rowOf(const QString& id) const;
    [[nodiscard]] int cardWidth() const;
    [[nodiscard]] bool isFolded(const QString& id) const;
    void later();

    Context m_context;
    models::ApprovalsModel& m_model;
    std::shared_ptr<ContextExecutor> m_executor;
    QList<Row> m_rows;
    QString m_pending;       // a card to be shown once the list is seen
    QStringList m_lingering; // settled here, and still at their place
    QHash<QString, ApprovalCard*> m_cards;
    QHash<QString, int> m_heights;
    QHash<QString, QRect> m_answers; // where the answers of the cards were seen last
    QSet<QString> m_opened;          // decided cards that show their details
    QPushButton* m_decided;
    QPointer<QWidget>
        m_wanted; // a part of a card that is to be scrolled to after the next arrangement
    QTimer m_later;
    bool m_showsDecided = false;
    bool m_isArranging = false;
    int m_estimate = 300; // the height of a card that was never seen
};

} // namespace sb::panels
