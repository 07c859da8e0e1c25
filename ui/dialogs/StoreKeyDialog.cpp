#include "ui/dialogs/StoreKeyDialog.h"

#include "ui/dialogs/Form.h"
#include "ui/dialogs/SecretEdit.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QPointer>
#include <QPushButton>

namespace sb::dialogs {

using widgets::Banner;
using widgets::ToneLabel;

namespace {

constexpr int mostName = 128;

} // namespace

StoreKeyDialog::StoreKeyDialog(theme::Theme& theme,
                               const QString& name,
                               Store store,
                               QWidget* parent)
    : QDialog(parent)
    , m_theme(theme)
    , m_store(std::move(store))
    , m_name(new QLineEdit(name, this))
    , m_value(new SecretEdit(theme, this))
    , m_line(new QLineEdit(this))
    , m_result(new QWidget(this))
    , m_problem(new Banner(theme, QStringLiteral("failed"), theme::Tone::Failed, {}, this))
    , m_cancel(new QPushButton(tr("&Cancel"), this))
    , m_accept(new QPushButton(this))
{
    setWindowTitle(tr("Store a key"));
    setAttribute(Qt::WA_DeleteOnClose);
    m_layout =
        makeForm(*this,
                 theme,
                 tr("Store a key"),
                 tr("It goes into your keychain, or into the encrypted vault where no keychain "
                    "answers. The configuration names it, and never holds it."));
    m_name->setMaxLength(mostName);
    m_name->setPlaceholderText(tr("anthropic"));
    addField(*m_layout, *this, tr("&Name"), m_name);
    addField(*m_layout, *this, tr("&Value"), m_value);

    auto* result = new QVBoxLayout(m_result);
    result->setContentsMargins({});
    result->setSpacing(theme::space::related);
    auto* words = new ToneLabel(theme,
                                ToneLabel::Role::Body,
                                theme::Tone::Text,
                                tr("Stored. This is its line in signalbox.yaml:"),
                                m_result);
    result->addWidget(words);
    auto* row = new QHBoxLayout;
    row->setSpacing(theme::space::related);
    m_line->setReadOnly(true);
    m_line->setFont(theme.mono());
    m_line->setAccessibleName(words->text());
    row->addWidget(m_line, 1);
    auto* copy = new QPushButton(theme.icon(QStringLiteral("copy")), tr("C&opy"), m_result);
    copy->setAutoDefault(false);
    connect(copy, &QPushButton::clicked, this, [this] {
        QGuiApplication::clipboard()->setText(m_line->text());
    });
    row->addWidget(copy);
    result->addLayout(row);
    m_layout->addWidget(m_result);
    m_layout->addWidget(m_problem);
    m_problem->hide();
    m_layout->addSpacing(theme::space::related);
    m_layout->addStretch(); // what the paragraph does not need

    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(theme::space::related);
    buttons->addStretch();
    m_cancel->setAutoDefault(false);
    connect(m_cancel, &QPushButton::clicked, this, &QDialog::reject);
    buttons->addWidget(m_cancel);
    m_accept->setDefault(true);
    connect(m_accept, &QPushButton::clicked, this, &StoreKeyDialog::accept);
    buttons->addWidget(m_accept);
    m_layout->addLayout(buttons);
    connect(m_name, &QLineEdit::textChanged, this, &StoreKeyDialog::check);
    connect(m_value, &QLineEdit::textChanged, this, &StoreKeyDialog::check);
    show(State::Asking);
    if (name.isEmpty()) {
        m_name->setFocus();
    } else {
        m_value->setFocus();
    }
}

void StoreKeyDialog::show(State state)
{
    m_state = state;
    m_name->setEnabled(state == State::Asking);
    m_value->setEnabled(state == State::Asking);
    m_result->setVisible(state == State::Stored);
    m_cancel->setVisible(state != State::Stored);
    m_accept->setText(state == State::Storing  ? tr("Storing…")
                      : state == State::Stored ? tr("&Done")
                                               : tr("&Store"));
    check();
}

void StoreKeyDialog::check()
{
    m_accept->setEnabled(m_state == State::Stored ||
                         (m_state == State::Asking && !m_name->text().trimmed().isEmpty() &&
                          !m_value->text().isEmpty()));
}

void StoreKeyDialog::accept()
{
    if (!m_accept->isEnabled()) {
        return;
    }
    if (m_state == State::Stored) {
        QDialog::accept();
        return;
    }
    m_problem->hide();
    show(State::Storing);
    m_store(m_name->text().trimmed(),
            m_value->take(),
            [self = QPointer(this)](const Result<QString>& reference) {
                if (self) {
                    self->stored(reference);
                }
            });
}

void StoreKeyDialog::stored(const Result<QString>& reference)
{
    if (!reference) {
        m_problem->setText(reference.error().message + u' ' + tr("Give the value once more."));
        m_problem->show();
        show(State::Asking);
        m_value->setFocus();
        return;
    }
    m_line->setText(QStringLiteral("key: \"%1\"").arg(*reference));
    show(State::Stored);
    m_accept->setFocus();
}

} // namespace sb::dialogs
