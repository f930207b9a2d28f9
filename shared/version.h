/* The version of all programs of one build. */
#ifndef XINKE_VERSION_H
#define XINKE_VERSION_H

#define XINKE_VERSION "0.1.0"
/* Of the API between phone and box: `info.version` of schema/openapi/gateway.yaml, which a test holds equal. */
#define XINKE_API_VERSION "1.0.0"
/* The oldest phone app that a box of this build still understands; raised with what such an app sends or reads wrongly. */
#define XINKE_APP_MIN "0.1.0"

#endif
