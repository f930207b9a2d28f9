/* The version of all programs of one build. */
#ifndef XINKE_VERSION_H
#define XINKE_VERSION_H

#define XINKE_VERSION "0.1.0"

#endif
