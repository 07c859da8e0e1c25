#pragma once
#include "core/base/Result.h"
#include "core/base/SecretString.h"
#include "ui/theme/Theme.h"

#include <QDialog>
#include <functional>

class QLabel;
class QPushButton;

namespace sb::widgets {
class Banner;
}

namespace sb::dialogs {

class SecretEdit;

/// Asks for the passphrase of the vault of keys. Return gives it, Escape keeps the vault locked.
class PassphraseDialog final : public QDialog
{
    Q_OBJECT
public:
    enum class Kind { Unlock, Create };
    static constexpr qsizetype leastBytes = 8;
    static constexpr int mostAttempts = 3;

    /// `answered` is called once: with what was typed, or with Cancelled. `attempt` above 1 says
    /// that the one before was wrong.
    PassphraseDialog(theme::Theme& theme,
                     Kind kind,
                     const QString& vault,
                     int attempt,
                     std::function<void(Result<SecretString>)> answered,
                     QWidget* parent = nullptr);
    ~PassphraseDialog() override;

    void done(int result) override;

private:
    void check();

    Kind m_kind;
    std::function<void(Result<SecretString>)> m_answered;
    SecretEdit* m_first;
    SecretEdit* m_second = nullptr;
    QLabel* m_hint = nullptr;
    QPushButton* m_accept;
};

} // namespace sb::dialogs
