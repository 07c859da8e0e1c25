// What nearly every file of ui reads.
#pragma once
#include "packaging/cmake/PrecompiledCore.h"

#include <QAbstractListModel>
#include <QAction>
#include <QApplication>
#include <QBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QWidget>
