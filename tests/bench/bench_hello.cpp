// The least that a program with QtCore takes to start and end; bench node.ready stands beside it.
#include <QCoreApplication>

int main(int argc, char** argv)
{
    QCoreApplication::setLibraryPaths({});
    const QCoreApplication application(argc, argv);
    return 0;
}
