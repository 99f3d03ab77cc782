# The page as a C file in the build folder. uPlot comes from npm by its lock, into the build folder too.
find_program(NPM npm REQUIRED)

set(page_folder ${CMAKE_CURRENT_LIST_DIR})
set(page_packages ${CMAKE_CURRENT_BINARY_DIR}/page)
set(uplot ${page_packages}/node_modules/uplot/dist)
set(page_lock ${page_folder}/package.json ${page_folder}/package-lock.json ${page_folder}/.npmrc)
add_custom_command(
    OUTPUT ${uplot}/uPlot.iife.min.js ${uplot}/uPlot.min.css
    COMMAND ${CMAKE_COMMAND} -E copy ${page_lock} ${page_packages}/
    COMMAND ${NPM} ci --silent --prefer-offline
    # What npm unpacks is as old as the package says: older than the lock.
    COMMAND ${CMAKE_COMMAND} -E touch ${uplot}/uPlot.iife.min.js ${uplot}/uPlot.min.css
    WORKING_DIRECTORY ${page_packages}
    DEPENDS ${page_lock}
    COMMENT "Fetching uPlot for the page with npm"
    VERBATIM)
file(MAKE_DIRECTORY ${page_packages})

set(page_files
    ${page_folder}/index.html
    ${page_folder}/page.css
    ${page_folder}/page.js
    ${page_folder}/api.js
    ${page_folder}/charts.js
    ${page_folder}/format.js
    ${page_folder}/ops.js
    ${page_folder}/questions.js
    ${page_folder}/icon.svg
    ${uplot}/uPlot.iife.min.js
    ${uplot}/uPlot.min.css)
set(PLAYREPORT_PAGE_SOURCE ${CMAKE_CURRENT_BINARY_DIR}/page_files.c)
add_custom_command(
    OUTPUT ${PLAYREPORT_PAGE_SOURCE}
    COMMAND ${CMAKE_COMMAND} -DOUT=${PLAYREPORT_PAGE_SOURCE} "-DFILES=${page_files}" -P ${page_folder}/embed.cmake
    DEPENDS ${page_files} ${page_folder}/embed.cmake
    COMMENT "Putting the page into a C file"
    VERBATIM)
