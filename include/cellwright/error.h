// What every function of the library throws: `Error`, with the problems of a cell one by one.
#pragma once

#include "runtime/exception.h"
