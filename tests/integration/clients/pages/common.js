// What the pages share: what they are told by their query, and the things they show to the test.
"use strict";
window.seen = [];
const told = new URLSearchParams(location.search);
const reports = told.get("reports");
const photo = told.get("photo");

function show(thing) {
    window.seen.push(thing);
}

function addressOf(method, parameters) {
    return reports + "/api/analytics/report/" + method + "?" + new URLSearchParams({photo_id: photo, ...parameters});
}
