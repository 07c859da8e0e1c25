#include "ui/dialogs/SecretEdit.h"

#include <QAction>
#include <QToolButton>

namespace sb::dialogs {

SecretEdit::SecretEdit(theme::Theme& theme, QWidget* parent) : QLineEdit(parent), m_theme(theme)
{
    setEchoMode(QLineEdit::Password);
    // What is typed here is neither learnt by an input method nor spoken.
    setInputMethodHints(Qt::ImhHiddenText | Qt::ImhSensitiveData | Qt::ImhNoPredictiveText |
                        Qt::ImhNoAutoUppercase);
    auto* eye = addAction(m_theme.icon(QStringLiteral("eye"), theme::Tone::Secondary),
                          QLineEdit::TrailingPosition);
    eye->setCheckable(true);
    eye->setText(tr("Show what is typed"));
    eye->setToolTip(tr("Show what is typed"));
    connect(eye, &QAction::toggled, this, [this, eye](bool isShown) {
        setEchoMode(isShown ? QLineEdit::Normal : QLineEdit::Password);
        const QString text = isShown ? tr("Hide what is typed") : tr("Show what is typed");
        eye->setText(text);
        eye->setToolTip(text);
    });
    for (auto* button : findChildren<QToolButton*>()) {
        button->setAccessibleName(tr("Show what is typed"));
    }
}

SecretEdit::~SecretEdit()
{
    // Whoever listens may be half gone by now: a dialog destroys its fields after itself.
    const QSignalBlocker blocker(this);
    wipe();
}

SecretString SecretEdit::take()
{
    SecretString value(text().toUtf8());
    wipe();
    return value;
}

bool SecretEdit::equals(const SecretEdit& other) const
{
    return text() == other.text();
}

qsizetype SecretEdit::bytes() const
{
    return SecretString(text().toUtf8()).expose([](QByteArrayView view) { return view.size(); });
}

void SecretEdit::wipe()
{
    // The field's own characters, which this shares: a copy would be overwritten in vain. Text that
    // the program itself brought along (a literal) is no secret, and cannot be written to.
    QString shared = text();
    if (shared.data_ptr().isMutable()) {
        auto* characters = const_cast<volatile QChar*>(shared.constData());
        for (qsizetype i = 0; i < shared.size(); ++i) {
            const_cast<QChar&>(characters[i]) = u'*';
        }
    }
    clear();
}

} // namespace sb::dialogs
