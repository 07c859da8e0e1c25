#pragma once
#include "ui/models/ContainmentRows.h"
#include "ui/panels/Panel.h"

class QAction;
class QPushButton;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

class MarkedList;

/// Whose packages are used here, for all agents. A publisher is forgotten here, and while the
/// program runs trusted again.
class PublishersSection final : public QWidget
{
    Q_OBJECT
public:
    PublishersSection(const Context& context, QWidget* parent);

    /// Asks the runtime; what is shown stays until it answers.
    void read();
    /// Forgets the publisher that is selected, or trusts it again.
    [[nodiscard]] QAction* changeAction() const { return m_changeAction; }

Q_SIGNALS:
    /// The runtime answered: it is forgotten, or trusted again.
    void changed(const sb::protocol::PublisherInfo& publisher);

private:
    [[nodiscard]] const protocol::PublisherInfo* selected() const;
    [[nodiscard]] QString hint() const;
    void change();
    void take(const Result<protocol::PublisherInfo>& reply, const QString& name);
    void showRows();
    void refresh();

    Context m_context;
    QList<protocol::PublisherInfo> m_publishers;
    models::ContainmentRows m_rows;
    MarkedList* m_list;
    QAction* m_changeAction;
    QPushButton* m_change;
    widgets::ToneLabel* m_failure;
    widgets::ToneLabel* m_hint;
    bool m_isRead = false;
    QString m_leaving; // the name that was asked for and is not yet answered
};

} // namespace sb::panels
