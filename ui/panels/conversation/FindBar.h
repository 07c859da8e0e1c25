#pragma once
#include "ui/theme/Theme.h"

#include <QLabel>
#include <QLineEdit>
#include <QWidget>

namespace sb::panels {

/// A line of search above a transcript: Enter finds the next one, Shift+Enter the one before,
/// Escape closes.
class FindBar final : public QWidget
{
    Q_OBJECT
public:
    explicit FindBar(theme::Theme& theme, QWidget* parent = nullptr);
    void open();
    void close();
    void setFound(bool found);
    [[nodiscard]] QString words() const { return m_words->text(); }

Q_SIGNALS:
    void findRequested(const QString& words, bool backwards);
    void closed();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    QLineEdit* m_words;
    QLabel* m_answer;
};

} // namespace sb::panels
