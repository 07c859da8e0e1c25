#pragma once
#include "ui/panels/Panel.h"

class QGridLayout;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

/// What the host knows about a question: who asks on whose behalf, exactly what would be done,
/// where, seeing what, and which rule asked. The agent's own words stand below, apart.
class ApprovalFacts final : public QWidget
{
    Q_OBJECT
public:
    ApprovalFacts(const Context& context, const protocol::ApprovalInfo& approval, QWidget* parent);
    /// Lets the expiry be read again.
    void tick();
    [[nodiscard]] const protocol::ApprovalInfo& approval() const { return m_approval; }

private:
    void fillFacts();
    void addFact(const QString& label, QWidget* value);
    void addPaths();
    void addFlows();
    void addText(const QString& label, const QString& text, bool isMono = false);
    [[nodiscard]] QString whoText() const;

    Context m_context;
    protocol::ApprovalInfo m_approval;
    QGridLayout* m_facts = nullptr;
    widgets::ToneLabel* m_expiry = nullptr;
};

} // namespace sb::panels
