#pragma once
#include "ui/panels/Panel.h"

class QComboBox;
class QPushButton;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

/// Draws a link: the memory that it begins at stays, the one that is chosen next is where it leads.
class LinkBar final : public QWidget
{
    Q_OBJECT
public:
    LinkBar(const Context& context, QWidget* parent);
    void begin(const QString& id, const QString& line);
    /// Whatever is chosen meanwhile; empty: nothing.
    void setTarget(const QString& id, const QString& line);
    [[nodiscard]] bool isOpen() const { return !m_from.isEmpty(); }
    [[nodiscard]] const QString& from() const { return m_from; }
    [[nodiscard]] const QString& target() const { return m_to; }
    void end();

Q_SIGNALS:
    void linkWanted(sb::protocol::Relation relation);

protected:
    void keyPressEvent(QKeyEvent* event) override;

private:
    void tell();
    QString m_from;
    QString m_fromLine;
    QString m_to;
    QString m_toLine;
    widgets::ToneLabel* m_words;
    QComboBox* m_relation;
    QPushButton* m_link;
    QPushButton* m_cancel;
};

} // namespace sb::panels
