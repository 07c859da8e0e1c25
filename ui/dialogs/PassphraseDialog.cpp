#include "ui/dialogs/PassphraseDialog.h"

#include "ui/dialogs/Form.h"
#include "ui/dialogs/SecretEdit.h"

#include <QHBoxLayout>
#include <QPushButton>

namespace sb::dialogs {

using widgets::Banner;
using widgets::ElidedLabel;
using widgets::ToneLabel;

PassphraseDialog::PassphraseDialog(theme::Theme& theme,
                                   Kind kind,
                                   const QString& vault,
                                   int attempt,
                                   std::function<void(Result<SecretString>)> answered,
                                   QWidget* parent)
    : QDialog(parent)
    , m_kind(kind)
    , m_answered(std::move(answered))
    , m_first(new SecretEdit(theme, this))
    , m_accept(new QPushButton(this))
{
    const bool isNew = kind == Kind::Create;
    const QString title = isNew ? tr("Make a vault for keys") : tr("Unlock the vault of keys");
    setWindowTitle(title);
    setAttribute(Qt::WA_DeleteOnClose);
    auto* layout = makeForm(
        *this,
        theme,
        title,
        isNew
            ? tr("No keychain answers in this session, so keys go into an encrypted file. Whoever "
                 "knows its passphrase can read them; without it nobody can, not even you.")
            : tr("Keys are kept in an encrypted file. Its passphrase is asked once, until "
                 "Signalbox ends, and never stored."));
    auto* path = new ElidedLabel(vault, Qt::ElideMiddle, this);
    layout->addWidget(path);
    layout->addSpacing(theme::space::related);
    if (attempt > 1) {
        const int left = mostAttempts - attempt + 1;
        layout->addWidget(
            new Banner(theme,
                       QStringLiteral("failed"),
                       theme::Tone::Failed,
                       isNew ? tr("That passphrase could not be used. Try another.")
                             : tr("That was not the passphrase. %n tries left.", nullptr, left),
                       this));
    }
    addField(*layout, *this, tr("&Passphrase"), m_first);
    if (isNew) {
        m_second = new SecretEdit(theme, this);
        addField(*layout, *this, tr("The same a&gain"), m_second);
        m_hint = new ToneLabel(theme, ToneLabel::Role::Secondary, theme::Tone::Secondary, {}, this);
        m_hint->setWordWrap(true);
        layout->addWidget(m_hint);
        connect(m_second, &QLineEdit::textChanged, this, &PassphraseDialog::check);
    }
    connect(m_first, &QLineEdit::textChanged, this, &PassphraseDialog::check);
    layout->addSpacing(theme::space::related);
    layout->addStretch(); // what the paragraph does not need

    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(theme::space::related);
    buttons->addStretch();
    auto* cancel = new QPushButton(isNew ? tr("&Cancel") : tr("&Keep locked"), this);
    cancel->setAutoDefault(false);
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    buttons->addWidget(cancel);
    m_accept->setText(isNew ? tr("&Make vault") : tr("&Unlock"));
    m_accept->setDefault(true);
    connect(m_accept, &QPushButton::clicked, this, &QDialog::accept);
    buttons->addWidget(m_accept);
    layout->addLayout(buttons);
    m_first->setFocus();
    check();
}

PassphraseDialog::~PassphraseDialog()
{
    // Closed from elsewhere, with its window say: who waits must hear of it.
    if (const auto answered = std::exchange(m_answered, nullptr)) {
        answered(fail(ErrorCode::Cancelled, QStringLiteral("No passphrase was given.")));
    }
}

void PassphraseDialog::check()
{
    const bool isLong = m_first->bytes() >= leastBytes;
    bool isReady = !m_first->text().isEmpty();
    if (m_kind == Kind::Create) {
        const bool isSame = m_first->equals(*m_second);
        isReady = isLong && isSame;
        m_hint->setText(!isLong  ? tr("At least %n characters. A few random words are good.",
                                     nullptr,
                                     int(leastBytes))
                        : isSame ? tr("The two are the same.")
                        : m_second->text().isEmpty() ? tr("Type it a second time.")
                                                     : tr("The two are not the same."));
    }
    m_accept->setEnabled(isReady);
}

void PassphraseDialog::done(int result)
{
    if (result == Accepted && !m_accept->isEnabled()) {
        return;
    }
    if (const auto answered = std::exchange(m_answered, nullptr)) {
        if (result == Accepted) {
            answered(m_first->take());
        } else {
            answered(fail(ErrorCode::Cancelled, QStringLiteral("No passphrase was given.")));
        }
    }
    m_first->wipe();
    if (m_second) {
        m_second->wipe();
    }
    QDialog::done(result);
}

} // namespace sb::dialogs
