#include "ui/panels/approvals/ArgumentsEditor.h"

#include "ui/models/Arguments.h"
#include "ui/models/VisibleText.h"
#include "ui/panels/parts/DiffView.h"
#include "ui/widgets/Labels.h"

#include <QBoxLayout>
#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QStackedWidget>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

QString compact(const QJsonValue& value)
{
    const auto text =
        QString::fromUtf8(QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact));
    return text.mid(1, text.size() - 2);
}

Result<QJsonValue> parsed(const QString& text)
{
    QJsonParseError error;
    const QByteArray bytes = "[" + text.toUtf8() + "]";
    const auto document = QJsonDocument::fromJson(bytes, &error);
    if (error.error != QJsonParseError::NoError || document.array().size() != 1) {
        return fail(ErrorCode::InvalidInput, ArgumentsEditor::tr("This is no JSON value."));
    }
    return document.array().first();
}

QString typeOf(const QJsonObject& description, const QJsonValue& value)
{
    if (const auto type = description.value("type"_L1); type.isString()) {
        return type.toString();
    }
    switch (value.type()) {
    case QJsonValue::String:
        return u"string"_s;
    case QJsonValue::Double:
        return u"number"_s;
    case QJsonValue::Bool:
        return u"boolean"_s;
    case QJsonValue::Null:
    case QJsonValue::Array:
    case QJsonValue::Object:
    case QJsonValue::Undefined:
        break;
    }
    return u"json"_s;
}

// A removed and an added line for each changed argument, so that the eye reads it like any other
// diff.
QString changesAsDiff(const QList<models::ArgumentChange>& changes)
{
    QString diff;
    for (const auto& change : changes) {
        diff += u"@@ "_s + change.path + u'\n';
        for (const auto& line :
             change.before.isEmpty() ? QStringList() : change.before.split(u'\n')) {
            diff += u"- "_s + line + u'\n';
        }
        for (const auto& line :
             change.after.isEmpty() ? QStringList() : change.after.split(u'\n')) {
            diff += u"+ "_s + line + u'\n';
        }
    }
    return diff;
}

} // namespace

ArgumentsEditor::ArgumentsEditor(theme::Theme& theme,
                                 const QJsonObject& arguments,
                                 const QJsonObject& schema,
                                 QWidget* parent)
    : QWidget(parent)
    , m_theme(theme)
    , m_original(arguments)
    , m_schema(schema)
    , m_form(new QFormLayout)
    , m_pages(new QStackedWidget(this))
    , m_asJson(new QCheckBox(tr("Edit as &JSON"), this))
    , m_json(new QPlainTextEdit(this))
    , m_verdict(new widgets::ToneLabel(
          theme, widgets::ToneLabel::Role::Secondary, theme::Tone::Secondary, {}, this))
    , m_changes(new DiffView(theme, tr("What you changed"), this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->setSpacing(theme::space::related);
    auto* page = new QWidget(this);
    page->setLayout(m_form);
    m_form->setContentsMargins({});
    m_form->setSpacing(theme::space::related);
    m_form->setRowWrapPolicy(QFormLayout::WrapLongRows);
    m_form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    m_json->setAccessibleName(tr("Arguments as JSON"));
    m_json->setFont(theme.mono());
    m_json->setTabChangesFocus(true);
    m_pages->addWidget(page);
    m_pages->addWidget(m_json);
    layout->addWidget(m_pages);
    layout->addWidget(m_asJson);
    layout->addWidget(m_verdict);
    layout->addWidget(m_changes);
    m_asJson->setAccessibleName(tr("Edit as JSON"));

    const auto properties = schema.value("properties"_L1).toObject();
    const auto required = schema.value("required"_L1).toArray();
    for (const auto& name : required) {
        if (properties.contains(name.toString())) {
            addField(name.toString(), properties.value(name.toString()).toObject(), true);
        }
    }
    for (auto it = properties.begin(); it != properties.end(); ++it) {
        if (!required.contains(it.key())) {
            addField(it.key(), it->toObject(), false);
        }
    }
    for (auto it = arguments.begin(); it != arguments.end(); ++it) {
        if (!properties.contains(it.key())) {
            addField(it.key(), {}, false);
        }
    }
    connect(m_json, &QPlainTextEdit::textChanged, this, &ArgumentsEditor::refresh);
    connect(m_asJson, &QCheckBox::toggled, this, &ArgumentsEditor::setJsonMode);
    if (m_fields.isEmpty()) {
        m_asJson->setChecked(true);
        m_asJson->hide();
    }
    refresh();
}

void ArgumentsEditor::addField(const QString& name, const QJsonObject& description, bool isRequired)
{
    const auto value = m_original.value(name);
    const auto type = typeOf(description, value);
    const auto choices = description.value("enum"_L1).toArray();
    QWidget* widget = nullptr;
    if (!choices.isEmpty() && (value.isUndefined() || choices.contains(value))) {
        auto* box = new QComboBox(this);
        if (!isRequired || value.isUndefined()) {
            box->addItem(tr("not given"));
        }
        for (const QJsonValue choice : choices) {
            box->addItem(choice.isString() ? choice.toString() : compact(choice), QVariant(choice));
        }
        for (int i = 0; i < box->count(); ++i) {
            if (box->itemData(i).isValid() && QJsonValue::fromVariant(box->itemData(i)) == value) {
                box->setCurrentIndex(i);
            }
        }
        connect(box, &QComboBox::currentIndexChanged, this, &ArgumentsEditor::refresh);
        m_fields.append({name, box, [box]() -> Result<QJsonValue> {
                             const auto chosen = box->currentData();
                             return chosen.isValid() ? QJsonValue::fromVariant(chosen)
                                                     : QJsonValue(QJsonValue::Undefined);
                         }});
        widget = box;
    } else if (type == "boolean"_L1 && (value.isBool() || value.isUndefined())) {
        auto* box = new QCheckBox(this);
        box->setTristate(value.isUndefined());
        box->setCheckState(value.isUndefined() ? Qt::PartiallyChecked
                           : value.toBool()    ? Qt::Checked
                                               : Qt::Unchecked);
        connect(box, &QCheckBox::checkStateChanged, this, &ArgumentsEditor::refresh);
        m_fields.append({name, box, [box]() -> Result<QJsonValue> {
                             return box->checkState() == Qt::PartiallyChecked
                                        ? QJsonValue(QJsonValue::Undefined)
                                        : QJsonValue(box->isChecked());
                         }});
        widget = box;
    } else if (type == "string"_L1 &&
               models::visibleText(value.toString(), models::Strictness::Prose).marks.isEmpty() &&
               (value.isString() || value.isUndefined())) {
        const auto text = value.toString();
        const bool isLong = text.size() > 40 || text.contains(u'\n') || name == "content"_L1 ||
                            name == "command"_L1;
        widget = isLong ? makeText(name, value, false) : makeLine(name, value, type);
    } else if ((type == "integer"_L1 || type == "number"_L1) &&
               (value.isDouble() || value.isUndefined())) {
        widget = makeLine(name, value, type);
    } else {
        widget = makeText(name, value, true);
    }
    widget->setAccessibleName(name);
    widget->setAccessibleDescription(description.value("description"_L1).toString());
    auto* label = new QLabel(name, this);
    label->setTextFormat(Qt::PlainText);
    label->setBuddy(widget);
    label->setToolTip(description.value("description"_L1).toString().toHtmlEscaped());
    m_form->addRow(label, widget);
}

// Several lines of text, or of JSON for what has no field of its own; a text with hidden characters
// is JSON too, for there they can be seen as escapes.
QWidget* ArgumentsEditor::makeText(const QString& name, const QJsonValue& value, bool isJson)
{
    auto* edit = new QPlainTextEdit(this);
    edit->setFont(m_theme.mono());
    edit->setTabChangesFocus(true);
    edit->setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    edit->setPlainText(isJson
                           ? (value.isUndefined() ? QString() : models::visibleJson(compact(value)))
                           : value.toString());
    edit->document()->setModified(false);
    const int lines = std::clamp(
        int(value.toString().count(u'\n')) + 1 + int(value.toString().size() / 40), 2, 10);
    edit->setFixedHeight(QFontMetrics(m_theme.mono()).lineSpacing() * lines +
                         4 * theme::space::inside);
    connect(edit, &QPlainTextEdit::textChanged, this, &ArgumentsEditor::refresh);
    m_fields.append({name, edit, [edit, value, isJson]() -> Result<QJsonValue> {
                         if (!edit->document()->isModified()) {
                             return value; // the editor would turn some characters into others
                         }
                         if (!isJson) {
                             return QJsonValue(edit->toPlainText());
                         }
                         return edit->toPlainText().trimmed().isEmpty()
                                    ? Result<QJsonValue>(QJsonValue::Undefined)
                                    : parsed(edit->toPlainText());
                     }});
    return edit;
}

QWidget*
ArgumentsEditor::makeLine(const QString& name, const QJsonValue& value, const QString& type)
{
    auto* edit = new QLineEdit(this);
    edit->setText(type == "string"_L1   ? value.toString()
                  : value.isUndefined() ? QString()
                                        : compact(value));
    edit->setModified(false);
    edit->setPlaceholderText(value.isUndefined() ? tr("not given") : QString());
    connect(edit, &QLineEdit::textChanged, this, &ArgumentsEditor::refresh);
    m_fields.append({name, edit, [edit, value, type, name]() -> Result<QJsonValue> {
                         if (!edit->isModified()) {
                             return value;
                         }
                         if (type == "string"_L1) {
                             // Emptying a field that was never given means not to give it.
                             return edit->text().isEmpty() && value.isUndefined()
                                        ? QJsonValue(QJsonValue::Undefined)
                                        : QJsonValue(edit->text());
                         }
                         if (edit->text().trimmed().isEmpty()) {
                             return QJsonValue(QJsonValue::Undefined);
                         }
                         const auto read = parsed(edit->text().trimmed());
                         if (!read || !read->isDouble()) {
                             return fail(ErrorCode::InvalidInput,
                                         tr("\"%1\" must be a number.").arg(name));
                         }
                         return read;
                     }});
    return edit;
}

Result<QJsonObject> ArgumentsEditor::fromForm() const
{
    QJsonObject arguments = m_original;
    for (const auto& field : m_fields) {
        SB_TRY(const QJsonValue value, field.read());
        if (value.isUndefined()) {
            arguments.remove(field.name);
        } else {
            arguments.insert(field.name, value);
        }
    }
    return arguments;
}

Result<QJsonObject> ArgumentsEditor::result() const
{
    QJsonObject arguments;
    if (m_pages->currentWidget() == m_json) {
        if (!m_json->document()->isModified()) {
            return m_original;
        }
        QJsonParseError error;
        const auto document = QJsonDocument::fromJson(m_json->toPlainText().toUtf8(), &error);
        if (error.error != QJsonParseError::NoError) {
            return fail(ErrorCode::InvalidInput,
                        tr("This is no JSON: %1 at character %2.")
                            .arg(error.errorString())
                            .arg(error.offset + 1));
        }
        if (!document.isObject()) {
            return fail(ErrorCode::InvalidInput, tr("The arguments must be a JSON object."));
        }
        arguments = document.object();
    } else {
        SB_TRY(arguments, fromForm());
    }
    SB_CHECK(models::checkAgainstSchema(m_schema, arguments));
    return arguments;
}

bool ArgumentsEditor::canAccept() const
{
    const auto arguments = result();
    return arguments && *arguments != m_original;
}

void ArgumentsEditor::start()
{
    if (m_pages->currentWidget() == m_json) {
        m_json->setFocus(Qt::TabFocusReason);
    } else {
        m_fields.first().widget->setFocus(Qt::TabFocusReason);
    }
}

void ArgumentsEditor::setJsonMode(bool isJson)
{
    if (isJson) {
        const auto arguments = fromForm().value_or(m_original);
        m_jsonStart = models::visibleJson(QString::fromUtf8(QJsonDocument(arguments).toJson()));
        m_json->setPlainText(m_jsonStart);
        m_json->document()->setModified(arguments != m_original);
        const int lines = std::clamp(m_json->document()->blockCount(), 3, 14);
        m_json->setFixedHeight(QFontMetrics(m_theme.mono()).lineSpacing() * lines +
                               4 * theme::space::inside);
    }
    m_pages->setCurrentIndex(isJson ? 1 : 0);
    // A stack is as tall as its tallest page; the other one must not count.
    m_pages->widget(0)->setSizePolicy(QSizePolicy::Preferred,
                                      isJson ? QSizePolicy::Ignored : QSizePolicy::Preferred);
    m_pages->widget(1)->setSizePolicy(QSizePolicy::Expanding,
                                      isJson ? QSizePolicy::Preferred : QSizePolicy::Ignored);
    refresh();
}

void ArgumentsEditor::refresh()
{
    // The form cannot show what was typed as JSON, so there is no way back to it that would not
    // lose it.
    const bool isTyped = m_asJson->isChecked() && m_json->toPlainText() != m_jsonStart;
    m_asJson->setEnabled(!isTyped);
    const auto arguments = result();
    if (!arguments) {
        m_verdict->setText(arguments.error().message);
        m_verdict->setTone(theme::Tone::Failed);
    } else if (*arguments == m_original) {
        m_verdict->setText(tr("Nothing is changed yet."));
        m_verdict->setTone(theme::Tone::Secondary);
    } else {
        m_verdict->setText(tr("What you changed:"));
        m_verdict->setTone(theme::Tone::Secondary);
    }
    const auto changes = arguments ? models::argumentChanges(m_original, *arguments)
                                   : QList<models::ArgumentChange>();
    m_changes->setDiff(changesAsDiff(changes));
    m_changes->setVisible(!changes.isEmpty());
    Q_EMIT edited();
}

} // namespace sb::panels
