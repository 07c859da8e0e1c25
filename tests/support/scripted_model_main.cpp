// A scripted model service as a program: scripted-model [PORT] [--script FILE] [--delay MS]
// [--pieces N] Prints "ready 127.0.0.1:PORT" and serves until it is killed. Without a script it
// streams N words to whoever asks.
#include "tests/support/ScriptedModel.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QFile>
#include <QJsonDocument>
#include <QTextStream>

using namespace Qt::StringLiterals;

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    QCommandLineParser options;
    options.addHelpOption();
    options.addPositionalArgument(u"port"_s,
                                  u"The port on 127.0.0.1; 0 or none takes a free one."_s);
    options.addOption({u"script"_s, u"A JSON script (tests/support/README.md)."_s, u"file"_s});
    options.addOption({u"delay"_s, u"Milliseconds before each reply."_s, u"ms"_s});
    options.addOption({u"pieces"_s, u"Words in the default reply."_s, u"n"_s, u"8"_s});
    options.process(app);

    QTextStream err(stderr);
    sb::test::ScriptedModel model(quint16(options.positionalArguments().value(0).toUInt()));
    if (!model.isListening()) {
        err << "The port is in use.\n";
        return 1;
    }
    model.setRecording(false);
    const int pieces = options.value(u"pieces"_s).toInt();
    model.otherwise(sb::test::pieces(QStringList(qMax(1, pieces), u"word "_s)));
    if (options.isSet(u"script"_s)) {
        QFile file(options.value(u"script"_s));
        QJsonParseError error;
        const auto script = file.open(QIODevice::ReadOnly)
                                ? QJsonDocument::fromJson(file.readAll(), &error)
                                : QJsonDocument();
        const QString wrong = script.isObject() ? model.load(script.object())
                                                : u"The script is no readable JSON object."_s;
        if (!wrong.isEmpty()) {
            err << wrong << "\n";
            return 2;
        }
    }
    if (options.isSet(u"delay"_s)) {
        model.setDelay(options.value(u"delay"_s).toInt());
    }
    QTextStream out(stdout);
    out << "ready 127.0.0.1:" << model.port() << "\n";
    out.flush();
    return app.exec();
}
