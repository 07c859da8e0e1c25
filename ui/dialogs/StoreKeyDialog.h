#pragma once
#include "core/base/Result.h"
#include "core/base/SecretString.h"
#include "ui/theme/Theme.h"

#include <QDialog>
#include <functional>

class QLineEdit;
class QPushButton;
class QVBoxLayout;

namespace sb::widgets {
class Banner;
}

namespace sb::dialogs {

class SecretEdit;

/// Asks for a key and its name, has it stored, and shows the reference that stands for it in
/// signalbox.yaml.
class StoreKeyDialog final : public QDialog
{
    Q_OBJECT
public:
    /// Answers with the reference. May answer later, on this thread, also when the dialog is gone.
    using Store = std::function<void(
        const QString& name, SecretString value, std::function<void(Result<QString>)> stored)>;

    /// `name` is what the field begins with; may be empty.
    StoreKeyDialog(theme::Theme& theme,
                   const QString& name,
                   Store store,
                   QWidget* parent = nullptr);

    void accept() override;

private:
    enum class State { Asking, Storing, Stored };
    void show(State state);
    void check();
    void stored(const Result<QString>& reference);

    theme::Theme& m_theme;
    Store m_store;
    State m_state = State::Asking;
    QVBoxLayout* m_layout;
    QLineEdit* m_name;
    SecretEdit* m_value;
    QLineEdit* m_line;
    QWidget* m_result;
    widgets::Banner* m_problem;
    QPushButton* m_cancel;
    QPushButton* m_accept;
};

} // namespace sb::dialogs
