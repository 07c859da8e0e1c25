#pragma once
#include "ui/theme/Theme.h"
#include "ui/widgets/Labels.h"

#include <QDialog>
#include <QVBoxLayout>

namespace sb::dialogs {

/// The head that the dialogs share: title, then a paragraph no wider than prose may be.
inline QVBoxLayout*
makeForm(QDialog& dialog, theme::Theme& theme, const QString& title, const QString& text)
{
    using widgets::ToneLabel;
    auto* layout = new QVBoxLayout(&dialog);
    layout->setContentsMargins(
        theme::space::group, theme::space::group, theme::space::group, theme::space::group);
    layout->setSpacing(theme::space::related);
    layout->addWidget(
        new ToneLabel(theme, ToneLabel::Role::Title, theme::Tone::Text, title, &dialog));
    auto* paragraph =
        new ToneLabel(theme, ToneLabel::Role::Body, theme::Tone::Secondary, text, &dialog);
    paragraph->setWordWrap(true);
    layout->addWidget(paragraph);
    layout->addSpacing(theme::space::related);
    const int column = dialog.fontMetrics().averageCharWidth();
    dialog.setMinimumWidth(56 * column);
    dialog.setMaximumWidth(theme::proseColumns * column);
    return layout;
}

/// A label above its field, with a mnemonic, and the same as the field's accessible name.
inline void addField(QVBoxLayout& layout, QWidget& dialog, const QString& label, QWidget* field)
{
    auto* words = new QLabel(label, &dialog);
    words->setBuddy(field);
    field->setAccessibleName(QString(label).remove(u'&'));
    auto* together = new QVBoxLayout;
    together->setSpacing(theme::space::inside);
    together->addWidget(words);
    together->addWidget(field);
    layout.addLayout(together);
}

} // namespace sb::dialogs
