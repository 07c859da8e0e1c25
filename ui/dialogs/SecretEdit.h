#pragma once
#include "core/base/SecretString.h"
#include "ui/theme/Theme.h"

#include <QLineEdit>

namespace sb::dialogs {

/// A line for something that nobody should read over a shoulder: dots, until its eye is pressed.
class SecretEdit final : public QLineEdit
{
    Q_OBJECT
public:
    explicit SecretEdit(theme::Theme& theme, QWidget* parent = nullptr);
    ~SecretEdit() override;

    /// What was typed, in UTF-8; the field is empty and overwritten afterwards.
    [[nodiscard]] SecretString take();
    /// A second field that must hold the same.
    [[nodiscard]] bool equals(const SecretEdit& other) const;
    /// In UTF-8.
    [[nodiscard]] qsizetype bytes() const;
    void wipe();

private:
    theme::Theme& m_theme;
};

} // namespace sb::dialogs
