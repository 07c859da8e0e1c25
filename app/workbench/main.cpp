#include "app/workbench/EndSignal.h"
#include "app/workbench/Workbench.h"
#include "core/secrets/Dumps.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QLibraryInfo>
#include <QMessageBox>
#include <QTranslator>

#include <cstdio>

using namespace sb;

int main(int argc, char** argv)
{
    (void)secrets::keepOutOfDumps(); // where the system will not, that is nobody's fault here
    workbench::EndSignal end;
    QApplication application(argc, argv);
    QApplication::setApplicationName(QStringLiteral("signalbox"));
    QApplication::setApplicationDisplayName(QStringLiteral("Signalbox"));
    QApplication::setApplicationVersion(QStringLiteral(SB_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("io.github.signalbox.Signalbox"));

    QTranslator qtTexts;
    if (qtTexts.load(QLocale(),
                     QStringLiteral("qtbase"),
                     QStringLiteral("_"),
                     QLibraryInfo::path(QLibraryInfo::TranslationsPath))) {
        QApplication::installTranslator(&qtTexts);
    }
    QTranslator ourTexts;
    if (ourTexts.load(QLocale(),
                      QStringLiteral("signalbox"),
                      QStringLiteral("_"),
                      QStringLiteral(":/i18n"))) {
        QApplication::installTranslator(&ourTexts);
    }

    const auto tr = [](const char* text) { return QCoreApplication::translate("main", text); };
    QCommandLineParser parser;
    parser.setApplicationDescription(tr("A workbench that hosts long-lived AI agents."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption home(
        QStringLiteral("home"), tr("Keep everything below this folder."), QStringLiteral("DIR"));
    const QCommandLineOption colours(QStringLiteral("theme"),
                                     tr("light, dark, or system."),
                                     QStringLiteral("NAME"),
                                     QStringLiteral("system"));
    const QCommandLineOption scale(QStringLiteral("font-scale"),
                                   tr("Text this much larger, such as 1.5."),
                                   QStringLiteral("N"),
                                   QStringLiteral("1"));
    parser.addOptions({home, colours, scale});
    parser.process(application);

    workbench::Workbench::Options options;
    options.home = runtime::Home::locate(parser.value(home));
    options.program = QCoreApplication::applicationDirPath();
    options.themeForced = parser.isSet(colours);
    const QString scheme = parser.value(colours);
    bool isNumber = false;
    options.theme.fontScale = parser.value(scale).toDouble(&isNumber);
    if (!isNumber || options.theme.fontScale < 0.5 || options.theme.fontScale > 4 ||
        (scheme != u"light" && scheme != u"dark" && scheme != u"system")) {
        std::fprintf(
            stderr,
            "signalbox: %s\n",
            qPrintable(
                tr("--theme is light, dark or system; --font-scale is a number from 0.5 to 4.")));
        return 2;
    }
    options.theme.scheme = scheme == u"light"  ? theme::Scheme::Light
                           : scheme == u"dark" ? theme::Scheme::Dark
                                               : theme::Scheme::System;

    if (parser.isSet(home) && parser.value(home).isEmpty()) {
        std::fprintf(stderr, "signalbox: %s\n", qPrintable(tr("--home needs a folder.")));
        return 2;
    }
    // As File ▸ Quit does, so that every journal closes with a signed head.
    end.listen([] { QApplication::quit(); });
    auto opened = workbench::Workbench::open(options);
    if (!opened) {
        std::fprintf(stderr, "signalbox: %s\n", qPrintable(opened.error().message));
        QMessageBox::critical(nullptr, tr("Signalbox cannot start"), opened.error().message);
        return 1;
    }
    if (!*opened) {
        return 0; // the window that is there already comes to the front
    }
    (*opened)->window().show();
    return QApplication::exec();
}
