import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Replies as a client reads them that binds attributes by name and takes nothing that is not well-formed: java
 * ReadReplies.java ORIGIN PHOTO. Prints for each reply its attributes, a line each, and an empty line. The HTTP client
 * is the usual one, which offers HTTP/2 in the clear with its first request.
 */
class ReadReplies {
    private static final String[] OF_ALL = {"status", "permission_level", "message"};
    private final HttpClient client = HttpClient.newHttpClient();
    private final String api;
    private final DocumentBuilder builder;

    ReadReplies(String origin) throws Exception {
        api = origin + "/api/";
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        builder = factory.newDocumentBuilder();
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String attribute(Element element, String name) {
        if (!element.hasAttribute(name)) {
            throw new IllegalStateException("no attribute " + name);
        }
        return name + "=" + element.getAttribute(name);
    }

    private Element root(HttpRequest.Builder request) throws Exception {
        HttpResponse<java.io.InputStream> response =
            client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        if (response.statusCode() != 200) {
            throw new IllegalStateException("status " + response.statusCode());
        }
        Element root = builder.parse(response.body()).getDocumentElement();
        if (!root.getLocalName().equals("response")) {
            throw new IllegalStateException("root " + root.getTagName());
        }
        return root;
    }

    private void show(HttpRequest.Builder request, String... more) throws Exception {
        Element root = root(request);
        for (String[] names : new String[][] {OF_ALL, more}) {
            for (String name : names) {
                System.out.println(attribute(root, name));
            }
        }
        NodeList rejected = root.getElementsByTagName("rejected");
        for (int i = 0; i < rejected.getLength(); i++) {
            Element one = (Element)rejected.item(i);
            System.out.println("rejected " + attribute(one, "index") + " " + attribute(one, "code"));
        }
        System.out.println();
    }

    private HttpRequest.Builder get(String target) {
        return HttpRequest.newBuilder(URI.create(api + target));
    }

    private HttpRequest.Builder post(String target, String form) {
        return get(target).header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form));
    }

    private void run(String photo) throws Exception {
        String event = "analytics/report/event", load = "photo_id=" + photo + "&event=load&source=";
        show(get(event + "?" + load + "get"), "cached");
        show(post(event, load + encoded("blåbær & \"smør\" <視聴>")), "cached");
        show(post("analytics/report/play", "photo_id=" + photo + "&time_start=1.5"), "cached");
        show(get(event + "?photo_id=" + photo + "&event=" + encoded("<&\">")), "code");
        String batch = "[{\"reportType\":\"event\",\"event\":\"load\",\"source\":\"batch\",\"photo_id\":" + photo + "},{}]";
        show(post("analytics/report/batch", "data=" + encoded(batch)), "accepted", "rejected");
    }

    public static void main(String[] words) throws Exception {
        new ReadReplies(words[0]).run(words[1]);
    }
}
