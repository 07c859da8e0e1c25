#pragma once
#include "core/base/Result.h"
#include "ui/theme/Theme.h"

#include <QJsonObject>
#include <QWidget>
#include <functional>

class QCheckBox;
class QFormLayout;
class QPlainTextEdit;
class QStackedWidget;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

class DiffView;

/// Edits the arguments of a tool call: as a form made from the tool's JSON Schema, or as JSON. What
/// nobody touched stays exactly as it was. Below stands what was changed, or what is wrong with it.
class ArgumentsEditor final : public QWidget
{
    Q_OBJECT
public:
    ArgumentsEditor(theme::Theme& theme,
                    const QJsonObject& arguments,
                    const QJsonObject& schema,
                    QWidget* parent);

    /// The arguments as edited, when they are JSON and fit the schema.
    [[nodiscard]] Result<QJsonObject> result() const;
    /// They fit, and differ from the original.
    [[nodiscard]] bool canAccept() const;
    /// Puts the cursor into the first field.
    void start();

Q_SIGNALS:
    void edited();

private:
    struct Field
    {
        QString name;
        QWidget* widget = nullptr;
        /// The value now; undefined: leave it out.
        std::function<Result<QJsonValue>()> read;
    };

    void addField(const QString& name, const QJsonObject& description, bool isRequired);
    QWidget* makeText(const QString& name, const QJsonValue& value, bool isJson);
    QWidget* makeLine(const QString& name, const QJsonValue& value, const QString& type);
    [[nodiscard]] Result<QJsonObject> fromForm() const;
    void setJsonMode(bool isJson);
    void refresh();

    theme::Theme& m_theme;
    QJsonObject m_original;
    QJsonObject m_schema;
    QList<Field> m_fields;
    QFormLayout* m_form;
    QStackedWidget* m_pages;
    QCheckBox* m_asJson;
    QPlainTextEdit* m_json;
    QString m_jsonStart; // what the JSON was before anybody typed
    widgets::ToneLabel* m_verdict;
    DiffView* m_changes;
};

} // namespace sb::panels
