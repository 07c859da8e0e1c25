// Keys and the vault, as the main window deals with them: two actions, and a banner while a model
// cannot be asked.
#include "ui/shell/MainWindow.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QPushButton>

using namespace Qt::StringLiterals;

namespace sb::shell {

namespace {

/// The name of a key that is kept here; empty for references to elsewhere.
QString keptName(const QString& reference)
{
    const bool isKept = reference.startsWith("keychain:"_L1) || reference.startsWith("vault:"_L1);
    return isKept ? reference.section(u':', 1) : QString();
}

} // namespace

void MainWindow::storeKey(const QString& reference)
{
    const QString name = keptName(reference);
    auto* dialog = new dialogs::StoreKeyDialog(
        m_theme,
        name,
        [this, name, reference](const QString& typed, SecretString value, const auto& stored) {
            // Where the configuration names the vault, the keychain would be the wrong place.
            const bool isWanted = typed == name && reference.startsWith("vault:"_L1);
            m_storeKey(isWanted ? reference : typed,
                       std::move(value),
                       [self = QPointer(this), stored](const Result<QString>& reply) {
                           stored(reply);
                           if (self && reply) {
                               self->say(tr("Stored. The next message is sent with it."));
                               self->readVault();
                           }
                       });
        },
        this);
    dialog->open();
}

void MainWindow::unlockVault()
{
    m_bridge.request(
        protocol::UnlockVault{}, this, [this](const Result<protocol::VaultInfo>& reply) {
            say(reply ? tr("The vault is open. The next message is sent with its keys.")
                      : reply.error().message);
            readVault();
        });
}

// Other programs make the vault, too: it is looked at again whenever somebody could want to know.
void MainWindow::readVault()
{
    m_bridge.request(protocol::GetVault{}, this, [this](const Result<protocol::VaultInfo>& reply) {
        m_vault = reply.value_or(protocol::VaultInfo{});
        findChild<QAction*>(u"unlock-vault"_s)->setEnabled(m_vault.isLocked && m_vault.canAsk);
        showKeyProblems();
    });
}

void MainWindow::showKeyProblems()
{
    const auto& problems = m_bridge.keyProblems();
    m_keyBanner->setVisible(!problems.isEmpty());
    if (problems.isEmpty()) {
        return;
    }
    const auto& first = problems.first();
    const QString text =
        tr("The key %1 cannot be had, so its model is not asked. %2")
            .arg(widgets::visibleText(first.reference), widgets::visibleText(first.message));
    m_keyBanner->setText(
        problems.size() == 1
            ? text
            : tr("%1 (and %n more keys)", nullptr, int(problems.size()) - 1).arg(text));
    const bool isLocked = first.code == errorCodeName(ErrorCode::Locked);
    m_unlockButton->setVisible(isLocked && m_vault.isLocked && m_vault.canAsk);
    m_storeButton->setVisible(!isLocked && bool(m_storeKey));
    // A key that is kept elsewhere is named in the file; one that is stored must be named there.
    m_namedButton->setVisible(!isLocked && keptName(first.reference).isEmpty());
}

} // namespace sb::shell
